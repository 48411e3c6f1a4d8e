//! The host is served by plain HTTP too, where nobody can be asked for a certificate.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::{Admits, Host};

pub(super) static RULE: Rule = Rule {
    id: "plaintext-bypass",
    summary: "the host is served by plain HTTP too, where nobody can be asked for a certificate",
    why: "Client certificates exist in TLS alone. ingress-nginx listens on port 80 for every host and redirects only where a server certificate is configured or force-ssl-redirect is set; Traefik serves every route without TLS on its plain entry point; APISIX serves every route on its plain port.",
    remedy: "Redirect: spec.tls and force-ssl-redirect for ingress-nginx, a redirect of the entry point or a redirectScheme middleware for Traefik, the plugin redirect with http_to_https or the annotation http-to-https for APISIX; or take the plain route away.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host.filter(|host| demands(host)) else {
        return;
    };
    let plain = host
        .doors
        .iter()
        .filter(|door| door.plain && door.admits == Admits::Everyone);
    for door in plain {
        let message = format!(
            "{} is served by plain HTTP on {} without a certificate",
            name(host),
            door.entry
        );
        findings.push(RULE.finding(Severity::Error, &door.site, message, RULE.remedy));
    }
}

/// Only beside a door that asks for certificates is plain HTTP a way round.
fn demands(host: &Host) -> bool {
    host.doors.iter().any(|door| {
        !door.plain
            && matches!(
                door.admits,
                Admits::Trusted
                    | Admits::AnyPublic
                    | Admits::OtherCa
                    | Admits::AnySubject
                    | Admits::AnyCertificate
                    | Admits::Optional
            )
    })
}

fn name(host: &Host) -> &str {
    if host.key.host == "*" {
        "every host"
    } else {
        &host.key.host
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_ingress_without_tls() {
        let mut object = ingress(&[("auth-tls-secret", "shop/ca")]);
        object["spec"]["tls"].take();
        check(&[object, ca("ca")], "plaintext-bypass", "plain HTTP");
    }

    #[test]
    fn with_tls_it_redirects() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")],
            "plaintext-bypass",
        );
    }

    #[test]
    fn an_alias_that_the_server_certificate_does_not_cover() {
        let aliased = |certificate: Option<&str>| {
            let mut object = ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("server-alias", "www.example.com"),
            ]);
            object["spec"]["tls"][0]["secretName"] = "web".into();
            let pair = [("tls.crt", certificate.unwrap_or("x")), ("tls.key", "x")];
            [object, ca("ca"), secret("web", &pair)]
        };
        let covered = server_pem(&["api.example.com", "www.example.com"]);
        silent(&aliased(Some(&covered)), "plaintext-bypass");
        silent(
            &aliased(Some(&server_pem(&["*.example.com"]))),
            "plaintext-bypass",
        );
        let bare = server_pem(&["api.example.com"]);
        check(
            &aliased(Some(&bare)),
            "plaintext-bypass",
            "www.example.com is served",
        );
        // A certificate that is not for the host is not used at all.
        let other = server_pem(&["www.example.com"]);
        check(
            &aliased(Some(&other)),
            "plaintext-bypass",
            "www.example.com is served",
        );
        check(
            &aliased(None),
            "plaintext-bypass",
            "www.example.com is served",
        );
    }

    #[test]
    fn only_the_ingress_that_serves_a_path_decides_about_its_redirect() {
        let with = |name: &str, annotations: &[(&str, &str)]| {
            let mut object = ingress(annotations);
            object["metadata"]["name"] = name.into();
            object
        };
        let demand = ("auth-tls-secret", "shop/ca");
        let off = ("ssl-redirect", "false");
        let objects = [with("web", &[demand]), with("api", &[off]), ca("ca")];
        silent(&objects, "plaintext-bypass");
        let objects = [with("api", &[demand]), with("web", &[off]), ca("ca")];
        check(&objects, "plaintext-bypass", "plain HTTP");
    }

    #[test]
    fn a_pattern_for_the_subject_closes_plain_http() {
        let with = |pattern: &str| {
            let mut object = ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-match-cn", pattern),
            ]);
            object["spec"]["tls"].take();
            [object, ca("ca")]
        };
        silent(&with("CN=alice(,|$)"), "plaintext-bypass");
        check(&with("CN=alice|"), "plaintext-bypass", "plain HTTP");
    }

    #[test]
    fn a_second_route_on_the_plain_entry_point() {
        let mut second = route("");
        second["metadata"]["name"] = "second".into();
        second["spec"]["entryPoints"] = vec!["web"].into();
        second["spec"]["tls"].take();
        check(
            &[
                route("mtls"),
                second,
                tls_option("mtls", "", &["ca"]),
                ca("ca"),
            ],
            "plaintext-bypass",
            "web",
        );
    }
}
