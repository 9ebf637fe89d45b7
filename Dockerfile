# The image of `make image` for people with a container engine: the same files, as the same script lays them out.
#
#   docker build --tag holdpoint/holdpoint .
FROM debian:12 AS build
WORKDIR /src
COPY hack/deps hack/deps
RUN apt-get update && hack/deps --build
COPY . .
RUN cmake --preset release -DBUILD_TESTING=OFF \
    && cmake --build --preset release --target holdpoint-webhook holdpoint-operator \
    && hack/image --tree /image

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
LABEL org.opencontainers.image.title="Holdpoint" \
    org.opencontainers.image.description="Just-in-time approval at the Kubernetes API server" \
    org.opencontainers.image.licenses="Apache-2.0"
