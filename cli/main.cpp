// kubectl-holdpoint, a kubectl plugin: `kubectl holdpoint ...`.
#include "cli/app.hpp"

int main(int argc, char** argv) { return holdpoint::cli::run(argc, argv); }
