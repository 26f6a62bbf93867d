# Marca in an image: built with the toolchain of the first stage, run as an ordinary user on a root
# file system that can be read-only. Everything that the service writes is in /var/lib/marca.
#
#   docker build -t marca .
#   docker run --rm marca config default > marca.toml        # then edit it, see below
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --stop-timeout 40 \
#       -p 3161:3161 -v marca-data:/var/lib/marca -v ./marca.toml:/etc/marca/marca.toml:ro marca
#
# In a container the service has to listen on 0.0.0.0:3161 to be reached, which it refuses without
# a [tls] section (or, behind a proxy that ends TLS, `allow_plain_http = true`).
# podman and buildah keep the health check only in an image that is built with `--format docker`.

# The version of rust-toolchain.toml. That file stays outside, so that rustup has nothing to fetch.
FROM docker.io/library/rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# The image brings what the vendored OpenSSL is built with: a C compiler, perl and make. Nothing is
# cached between two builds: what is released is made from what was copied.
# Line tables are left out: 25 MB instead of 95, and a panic still names its file and line.
RUN cargo build --release --locked -p marca && strip --strip-debug target/release/marca

FROM docker.io/library/debian:bookworm-slim
LABEL org.opencontainers.image.title="marca" \
      org.opencontainers.image.description="RFC 3161 timestamp authority with prepaid stamps" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# Fixed numbers, so that a volume's owner stays the same from image to image.
RUN groupadd --gid 3161 marca \
 && useradd --uid 3161 --gid 3161 --no-create-home --home-dir /var/lib/marca \
        --shell /usr/sbin/nologin marca \
 && install --directory --owner=3161 --group=3161 --mode=0700 /var/lib/marca
COPY --from=build /src/target/release/marca /usr/local/bin/marca
# The number and not the name: an orchestrator can tell that it is not root.
USER 3161:3161
WORKDIR /var/lib/marca
VOLUME ["/var/lib/marca"]
EXPOSE 3161
# Requests under way are finished, then the journal is closed.
STOPSIGNAL SIGTERM
# "Unhealthy" is a service that may not issue: no time, no valid certificate, no disk space. That is
# for people to mend; an orchestrator that restarts on it should ask /healthz instead. With TLS, give
# the address that the certificate names: `--health-cmd 'marca health --server https://…'`, and
# `--ca-file` where the system does not know the CA.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["marca", "health", "--server", "http://127.0.0.1:3161"]
ENTRYPOINT ["marca"]
CMD ["serve", "--config", "/etc/marca/marca.toml"]
