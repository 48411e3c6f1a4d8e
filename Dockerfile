# mtls-webhook alone: a static binary of a user without rights, and nothing else; no shell, no libc.
#
#   docker build -t ghcr.io/kubectl-mtls/mtls-webhook:v0.1.0 .

FROM rust:1.90-slim-bookworm AS build
# aws-lc-sys is C, and is compiled here.
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# glibc linked into the binary; the target must be named, or build scripts would be static too. What
# is not static, or does not run, ends the build here.
RUN rm rust-toolchain.toml && target="$(rustc -vV | sed -n 's/^host: //p')" \
 && RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --release --package webhook --target "$target" \
 && cp "target/$target/release/mtls-webhook" /mtls-webhook \
 && ldd /mtls-webhook 2>&1 | grep -E "statically linked|not a dynamic" \
 && /mtls-webhook --version

FROM scratch
COPY --from=build /mtls-webhook /mtls-webhook
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/mtls-webhook"]
