//! Many manifests of one kind, for measuring.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use pki::{Authority, CaParams, create_root};

/// Teams with a namespace and a trust Secret each.
pub const TEAMS: usize = 100;

/// An Ingress behind the CA of one of the teams.
pub fn ingress(number: usize) -> String {
    let team = number % TEAMS;
    format!(
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
    )
}

/// A CA.
///
/// # Errors
/// When there is no randomness.
pub fn authority() -> anyhow::Result<Authority> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.context("the clock is before 1970")?.as_secs())?;
    let params = CaParams::new("partners", now + pki::CA_LIFETIME);
    Ok(create_root(&params, now)?)
}

/// The trust Secret of each team, all of one CA.
pub fn secrets(ca_pem: &str) -> String {
    let lines = ca_pem.lines().map(|line| format!("    {line}\n"));
    let lines: String = lines.collect();
    let secret = |team| {
        format!(
            "---
apiVersion: v1
kind: Secret
metadata:
  name: partners-trust
  namespace: team-{team}
stringData:
  ca.crt: |
{lines}"
        )
    };
    (0..TEAMS).map(secret).collect()
}
