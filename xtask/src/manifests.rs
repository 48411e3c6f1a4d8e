//! `cargo xtask manifests N`: many Ingress manifests, for measuring.

use std::io::{BufWriter, Write as _};

pub(crate) fn run(count: usize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for number in 0..count {
        let team = number % 100;
        write!(
            out,
            "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: api-{number}
  namespace: team-{team}
  labels:
    app.kubernetes.io/name: api-{number}
    app.kubernetes.io/part-of: shop
  annotations:
    nginx.ingress.kubernetes.io/auth-tls-secret: team-{team}/partners-trust
    nginx.ingress.kubernetes.io/auth-tls-verify-client: \"on\"
    nginx.ingress.kubernetes.io/auth-tls-verify-depth: \"1\"
    nginx.ingress.kubernetes.io/proxy-body-size: 8m
spec:
  ingressClassName: nginx
  tls:
  - hosts:
    - api-{number}.example.com
    secretName: api-{number}-tls
  rules:
  - host: api-{number}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: api-{number}
            port:
              number: 8080
"
        )?;
    }
    Ok(out.flush()?)
}
