//! How much a calculation looks at. Views count what they hand out, in tests alone, so that it can
//! be asserted how the work grows without a clock, which other programs on the machine disturb.

/// One fact was handed out, or one name looked up.
#[cfg(not(test))]
pub(crate) const fn done() {}

#[cfg(test)]
pub(crate) use tests::done;

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use crate::{Facts, GatewayConfig, Object, Seen, Settings, dialect, report};

    thread_local! {
        static DONE: Cell<usize> = const { Cell::new(0) };
    }

    /// One fact was handed out, or one name looked up, on this thread.
    pub(crate) fn done() {
        DONE.set(DONE.get() + 1);
    }

    const NOW: i64 = 1_790_000_000;
    const PREFIX: &str = "nginx.ingress.kubernetes.io";

    fn ingress(number: usize, host: &str, annotations: &[(&str, &str)]) -> Value {
        let annotations = annotations
            .iter()
            .map(|(key, value)| (format!("{PREFIX}/{key}"), Value::from(*value)));
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": format!("i{number}"), "namespace": "shop",
                "annotations": annotations.collect::<serde_json::Map<_, _>>()},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [host]}],
                "rules": [{"host": host, "http": {"paths": [
                    {"path": format!("/{number}"), "pathType": "Prefix",
                        "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})
    }

    fn secret(name: &str, text: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "shop"},
            "stringData": {"ca.crt": text}})
    }

    /// What settling and checking every host looks at.
    fn work(objects: &[Value]) -> usize {
        let settings = Settings::new(vec![GatewayConfig {
            dialect: "ingress-nginx".to_owned(),
            ..GatewayConfig::default()
        }]);
        let mut facts = Facts::new(settings.clone(), Seen::All);
        for object in objects {
            let object = Object::from_value(object).expect("an object of the test");
            facts.insert(dialect::read(&object, &settings));
        }
        DONE.set(0);
        let report = report(&facts.view(), NOW);
        assert!(!report.hosts.is_empty());
        DONE.get()
    }

    /// Ten times as many are ten times the work, and little more; what compares each with each is
    /// a hundred times the work.
    #[track_caller]
    fn grows_evenly(make: impl Fn(usize) -> Vec<Value>) {
        let (few, many) = (work(&make(100)), work(&make(1_000)));
        assert!(few >= 100, "only {few} counted");
        assert!(many <= few * 12, "{few}, then {many}");
    }

    fn ca() -> String {
        let params = pki::CaParams::new("test", NOW + 365 * 24 * 3600);
        pki::create_root(&params, NOW)
            .expect("a root can be made")
            .chain_pem()
            .to_owned()
    }

    const DEMAND: (&str, &str) = ("auth-tls-secret", "shop/ca");

    #[test]
    fn on_one_host() {
        let pem = ca();
        grows_evenly(|count| {
            let one = |number| ingress(number, "a.example.com", &[DEMAND]);
            (0..count).map(one).chain([secret("ca", &pem)]).collect()
        });
    }

    #[test]
    fn on_one_host_with_all_kinds_of_sins() {
        let pem = ca();
        grows_evenly(|count| {
            let one = |number: usize| {
                let own = format!("shop/ca{}", number % 7);
                let sins = [
                    ("auth-tls-secret", own.as_str()),
                    ("auth-tls-match-cn", "CN=[a-z]+(x|)"),
                    ("auth-tls-error-page", "/error"),
                    ("server-alias", "b.example.com"),
                    ("proxy-ssl-secret", "shop/none"),
                    ("auth-tls-pass-certificate-to-upstream", "true"),
                ];
                ingress(number, "a.example.com", &sins)
            };
            (0..count)
                .map(one)
                .chain([secret("ca0", &pem), secret("ca1", "junk")])
                .collect()
        });
    }

    #[test]
    fn on_many_hosts_below_a_wildcard_beside_a_default_server() {
        let pem = ca();
        grows_evenly(|count| {
            let one = |number: usize| ingress(number, &format!("h{number}.example.com"), &[DEMAND]);
            let all = ingress(count, "*.example.com", &[DEMAND]);
            let default = ingress(count + 1, "", &[DEMAND]);
            (0..count)
                .map(one)
                .chain([all, default, secret("ca", &pem)])
                .collect()
        });
    }

    #[test]
    fn canaries_and_aliases() {
        let pem = ca();
        grows_evenly(|count| {
            let one = |number: usize| {
                let host = format!("h{}.example.com", number / 2);
                let alias = format!("alias{number}.example.com");
                match number % 2 {
                    0 => ingress(number, &host, &[DEMAND, ("server-alias", &alias)]),
                    _ => ingress(number, &host, &[DEMAND, ("canary", "true")]),
                }
            };
            (0..count).map(one).chain([secret("ca", &pem)]).collect()
        });
    }

    #[test]
    fn one_ingress_with_many_rules() {
        grows_evenly(|count| {
            let mut all = ingress(
                0,
                "a",
                &[
                    DEMAND,
                    ("auth-tls-verify-depth", "x"),
                    ("server-alias", "b,c,d"),
                ],
            );
            let rule = |number| json!({"host": format!("h{number}.example.com")});
            all["spec"]["rules"] = (0..count).map(rule).collect();
            vec![all]
        });
    }

    /// What takes this long would not end: it says nothing about speed.
    const HANGS: Duration = Duration::from_secs(60);

    /// No annotation is too long or too strange: whatever its bytes, the answer comes.
    #[test]
    fn annotations_of_any_bytes() {
        let huge = "(".repeat(200_000);
        let nested = "(?:a{1000}".repeat(2_000);
        let odd = [
            "",
            " ",
            "\0",
            "\n",
            "é",
            "\u{10ffff}",
            "/",
            "//",
            "@",
            ",",
            ",,,",
            "CN=",
            "CN=(",
            "CN=\\",
            "CN=[",
            "CN={",
            "CN=\\Q",
            "CN=\\x{",
            "CN=\\p{",
            "CN=[[:",
            "CN=a{99999999999}",
            "https://",
            "-1",
            "99999999999999999999",
            "CN=(a|aa)+$",
            "*",
            "~^(a+)+$",
            &huge,
            &nested,
        ];
        let names = [
            "auth-tls-secret",
            "auth-tls-verify-client",
            "auth-tls-verify-depth",
            "auth-tls-error-page",
            "auth-tls-match-cn",
            "auth-tls-pass-certificate-to-upstream",
            "server-alias",
            "ssl-passthrough",
            "proxy-ssl-secret",
            "proxy-ssl-verify",
            "backend-protocol",
            "server-snippet",
            "ssl-redirect",
            "canary",
            "auth-tls-\u{7f}",
            "auth-tlsé",
        ];
        let pem = ca();
        for value in odd {
            for name in names {
                let objects = [
                    ingress(0, "a.example.com", &[DEMAND, (name, value)]),
                    ingress(1, value, &[(name, value)]),
                    secret("ca", &pem),
                ];
                let begun = Instant::now();
                work(&objects);
                assert!(begun.elapsed() < HANGS, "{name} {value:.20}");
            }
        }
    }
}
