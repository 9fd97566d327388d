# A container of one file, under 10 MB: no shell, no libraries, not root.
#
#   docker build -t redis-sidecar .
#
# For several kinds of machine (each is built on its own kind, or emulated; nothing here names one):
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/redis-sidecar --push .
FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN scripts/build-static /out

FROM scratch
COPY --from=build /out/redis-sidecar /redis-sidecar
# Roots to trust, as of when the image was built; without the file the binary has Mozilla's inside.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
# In a container, apps come from others: docs/installing.md says what to set then.
EXPOSE 6379 9121
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/redis-sidecar", "wait", "--timeout", "3s"]
ENTRYPOINT ["/redis-sidecar"]
