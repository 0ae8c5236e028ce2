# syntax=docker/dockerfile:1
# One file, a target per role:
#   docker build --target manager --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse --short HEAD) \
#     --build-arg DATE=2026-01-02T03:04:05Z -t virtrigaud/manager .
# Every image holds one binary with the permissions of its role (scripts/build/roles.ts) and what a C program needs to
# start: no shell, no package manager. The release workflow gives the digests of the three base images, and
# keeps them in base-images.txt beside the release.

ARG DENO_VERSION=2.9.3
ARG DENO_IMAGE=docker.io/denoland/deno:bin-${DENO_VERSION}
ARG BUILD_IMAGE=docker.io/library/debian:bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM --platform=$BUILDPLATFORM ${DENO_IMAGE} AS deno

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
ARG BUILDARCH
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=deno /deno /usr/local/bin/deno
WORKDIR /src
COPY deno.json deno.lock deps.ts mod.ts ./
COPY deps deps
COPY proto proto
COPY src src
COPY providers providers
COPY scripts scripts
ARG TARGETARCH
ARG VERSION
ARG REVISION=unknown
ARG DATE
ARG TARGETPLATFORM
RUN case "$TARGETARCH" in amd64) cpu=x86_64 ;; arm64) cpu=aarch64 ;; *) echo "no runtime for $TARGETARCH" >&2; exit 1 ;; esac \
  && deno task compile --target="$cpu-unknown-linux-gnu" --version="$VERSION" --revision="$REVISION" --date="$DATE" --output=/out

FROM ${RUNTIME_IMAGE} AS base
ARG VERSION
ARG REVISION=unknown
ARG DATE
LABEL org.opencontainers.image.source="https://github.com/projectbeskar/virtrigaud" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.vendor="VirtRigaud" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${DATE}"
# Nothing is written but to mounted volumes: the root file system may be read-only.
ENV DENO_NO_UPDATE_CHECK=1 DENO_DIR=/tmp/deno
USER 65532:65532
WORKDIR /

FROM base AS manager
LABEL org.opencontainers.image.title="virtrigaud-manager"
COPY --from=build /out/manager /manager
EXPOSE 8080 8081
ENTRYPOINT ["/manager"]

FROM base AS provider-mock
LABEL org.opencontainers.image.title="virtrigaud-provider-mock"
COPY --from=build /out/provider-mock /provider-mock
EXPOSE 9443 8080
ENTRYPOINT ["/provider-mock"]

FROM base AS provider-libvirt
LABEL org.opencontainers.image.title="virtrigaud-provider-libvirt"
COPY --from=build /out/provider-libvirt /provider-libvirt
EXPOSE 9443 8080
ENTRYPOINT ["/provider-libvirt"]

# The whole product in one container; the providers' binaries stand beside it, and it keeps everything in /data.
FROM base AS virtrigaud
LABEL org.opencontainers.image.title="virtrigaud"
COPY --from=build /out/virtrigaud /out/provider-mock /out/provider-libvirt /
VOLUME /data
ENTRYPOINT ["/virtrigaud"]
CMD ["up", "--folder=/data"]
