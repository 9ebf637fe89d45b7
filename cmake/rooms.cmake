# holdpoint_room(NAME room HEADERS ... SOURCES ... MAY_USE rooms... PRIVATE libraries...)
#
# The only way a library is made here. MAY_USE lists the rooms whose headers this one may include (all of
# them, also those reached through another); hack/check-rooms reads the same line and refuses any other
# include. PRIVATE libraries are seen by this room's sources alone.
function(holdpoint_room)
  cmake_parse_arguments(room "" "NAME" "HEADERS;SOURCES;MAY_USE;PRIVATE" ${ARGN})
  string(REPLACE "/" "_" target "hp_${room_NAME}")
  add_library(${target} STATIC ${room_SOURCES} ${room_HEADERS})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  foreach(used IN LISTS room_MAY_USE)
    string(REPLACE "/" "_" used_target "hp_${used}")
    target_link_libraries(${target} PUBLIC ${used_target})
  endforeach()
  target_link_libraries(${target} PRIVATE ${room_PRIVATE})
  holdpoint_options(${target})
endfunction()

# Warnings, for libraries and programs alike.
function(holdpoint_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  # g++ 12 cries wolf: -Wrestrict over std::string's operator+ (GCC bug 105651), -Wmaybe-uninitialized over variants.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-restrict -Wno-maybe-uninitialized)
  if(HOLDPOINT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# holdpoint_program(NAME holdpoint-x SOURCES ... USES rooms... PRIVATE libraries...)
function(holdpoint_program)
  cmake_parse_arguments(program "" "NAME" "SOURCES;USES;PRIVATE" ${ARGN})
  add_executable(${program_NAME} ${program_SOURCES})
  foreach(used IN LISTS program_USES)
    string(REPLACE "/" "_" used_target "hp_${used}")
    target_link_libraries(${program_NAME} PRIVATE ${used_target})
  endforeach()
  target_link_libraries(${program_NAME} PRIVATE ${program_PRIVATE})
  target_include_directories(${program_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  holdpoint_options(${program_NAME})
endfunction()
