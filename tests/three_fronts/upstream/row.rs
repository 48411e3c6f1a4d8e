//! What upstream's tests expect of annotations on one Ingress.

/// One expectation.
pub(super) enum Expect {
    /// The configuration holds the text.
    Has(&'static str),
    /// It does not.
    Lacks(&'static str),
    /// HTTPS without a certificate is answered with a status.
    Stranger(u16),
    /// HTTPS with a certificate of the CA is.
    Client(u16),
    /// Plain HTTP is, at a host.
    Plain(&'static str, u16),
    /// The answer to that holds the text, in its head or in its body.
    Answer(&'static str),
    /// The controller does not load the Ingress.
    Dropped,
}
use Expect::{Answer, Client, Dropped, Has, Lacks, Plain, Stranger};

pub(super) struct Row {
    /// File and test.
    pub(super) cites: &'static str,
    pub(super) annotations: &'static [(&'static str, &'static str)],
    pub(super) expect: &'static [Expect],
}

pub(super) const AUTHTLS: &str = "default/authtls";

/// What tests of annotations expect of one Ingress of the host authtls.foo.com, with `spec.tls` and
/// a Secret that holds a key pair and a CA.
pub(super) const ROWS: &[Row] = &[
    Row {
        cites: "test/e2e/annotations/authtls.go: should set sslClientCertificate, sslVerifyClient and sslVerifyDepth with auth-tls-secret (before)",
        annotations: &[],
        expect: &[
            Lacks("ssl_client_certificate"),
            Lacks("ssl_verify_client"),
            Lacks("ssl_verify_depth"),
        ],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should set sslClientCertificate, sslVerifyClient and sslVerifyDepth with auth-tls-secret; main_test.go: TestAnnotations (defaults)",
        annotations: &[("auth-tls-secret", AUTHTLS)],
        expect: &[
            Has("/default-authtls.pem;"),
            Has("ssl_verify_client on;"),
            Has("ssl_verify_depth 1;"),
            Lacks("error_page"),
            Lacks("ssl-client-cert "),
            Lacks("ssl_client_s_dn !~"),
            Stranger(400),
            Client(200),
        ],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should set valid auth-tls-secret, sslVerify to off, and sslVerifyDepth to 2",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "off"),
            ("auth-tls-verify-depth", "2"),
        ],
        expect: &[
            Has("/default-authtls.pem;"),
            Has("ssl_verify_client off;"),
            Has("ssl_verify_depth 2;"),
            Stranger(200),
        ],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should 302 redirect to error page instead of 400 when auth-tls-error-page is set",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-error-page", "http://localhost:1080/error"),
        ],
        expect: &[
            Has("error_page 495 496 = http://localhost:1080/error;"),
            Stranger(302),
            Answer("http://localhost:1080/error"),
            Client(200),
        ],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should pass URL-encoded certificate to upstream",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-pass-certificate-to-upstream", "true"),
        ],
        expect: &[
            Has("proxy_set_header ssl-client-cert $ssl_client_escaped_cert;"),
            Stranger(400),
            Client(200),
            Answer("ssl-client-cert: -----BEGIN%20CERTIFICATE-----%0A"),
        ],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should validate auth-tls-verify-client (on)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "on"),
        ],
        expect: &[Has("ssl_verify_client on;"), Client(200), Stranger(400)],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should validate auth-tls-verify-client (off)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "off"),
        ],
        expect: &[Has("ssl_verify_client off;"), Client(200), Stranger(200)],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should return 403 using auth-tls-match-cn with no matching CN from client",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "on"),
            ("auth-tls-match-cn", "CN=notgonnamatch"),
        ],
        expect: &[Client(403)],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should return 200 using auth-tls-match-cn with matching CN from client",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "on"),
            ("auth-tls-match-cn", "CN=authtls"),
        ],
        expect: &[Client(200)],
    },
    Row {
        cites: "test/e2e/annotations/authtls.go: should return 200 using auth-tls-match-cn where atleast one of the regex options matches CN from client",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            (
                "auth-tls-match-cn",
                "CN=(itwillmatch|withthenextoption|authtls)",
            ),
        ],
        expect: &[Client(200)],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestAnnotations (all set)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "off"),
            ("auth-tls-verify-depth", "2"),
            ("auth-tls-error-page", "ok.com/error"),
            ("auth-tls-pass-certificate-to-upstream", "true"),
            ("auth-tls-match-cn", "CN=(hello-app|ok|goodbye)"),
        ],
        expect: &[
            Has("ssl_verify_client off;"),
            Has("ssl_verify_depth 2;"),
            Has("error_page 495 496 = ok.com/error;"),
            Has("ssl-client-cert "),
            Has("$ssl_client_s_dn !~ \"CN=(hello-app|ok|goodbye)\""),
        ],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestAnnotations (named redirect numeric)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-error-page", "@401"),
        ],
        expect: &[Has("error_page 495 496 = @401;")],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestAnnotations (named redirect alphanumeric with underscores)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-error-page", "@four_oh_one"),
        ],
        expect: &[Has("error_page 495 496 = @four_oh_one;")],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (no namespace)",
        annotations: &[("auth-tls-secret", "authtls")],
        expect: &[
            Has("# invalid format (namespace/name)"),
            Stranger(403),
            Client(403),
        ],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (cross namespace)",
        annotations: &[("auth-tls-secret", "nondefault/authtls")],
        expect: &[
            Has("# cross namespace secrets are not supported"),
            Stranger(403),
        ],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (no such Secret)",
        annotations: &[("auth-tls-secret", "default/invalid-demo-secret")],
        expect: &[Stranger(403), Client(403)],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (verify client and depth are defaulted)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-verify-client", "w00t"),
            ("auth-tls-verify-depth", "abcd"),
        ],
        expect: &[
            Has("ssl_verify_client on;"),
            Has("ssl_verify_depth 1;"),
            Stranger(400),
        ],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (pass-certificate)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-pass-certificate-to-upstream", "nahh"),
        ],
        expect: &[Dropped, Stranger(404)],
    },
    Row {
        cites: "internal/ingress/annotations/authtls/main_test.go: TestInvalidAnnotations (match-cn)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-match-cn", "<script>nope</script>"),
        ],
        expect: &[Dropped],
    },
    Row {
        cites: "internal/ingress/annotations/parser/validators_test.go: TestCommonNameAnnotationValidator (invalid prefix)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-match-cn", r"CN(my\.common\.name)"),
        ],
        expect: &[Dropped],
    },
    Row {
        cites: "internal/ingress/annotations/parser/validators_test.go: TestCommonNameAnnotationValidator (invalid regex)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            ("auth-tls-match-cn", r"CN=(my\.common\.name]"),
        ],
        expect: &[Dropped],
    },
    Row {
        cites: "internal/ingress/annotations/parser/validators_test.go: TestCommonNameAnnotationValidator (nested parenthesis regex)",
        annotations: &[
            ("auth-tls-secret", AUTHTLS),
            (
                "auth-tls-match-cn",
                r"CN=(api-one\.(asdf)?qwer\.webpage\.organization\.org)",
            ),
        ],
        expect: &[Has("ssl_client_s_dn !~"), Client(403)],
    },
    Row {
        cites: "test/e2e/ssl/http_redirect.go: should redirect from HTTP to HTTPS when secret is missing",
        annotations: &[],
        expect: &[
            Plain("authtls.foo.com", 308),
            Answer("https://authtls.foo.com"),
        ],
    },
    Row {
        cites: "test/e2e/annotations/alias.go: should return status code 200 for host 'foo' and 'bar'",
        annotations: &[("server-alias", "bar"), ("ssl-redirect", "false")],
        expect: &[
            Has("server_name \"authtls.foo.com\" \"bar\""),
            Plain("bar", 200),
            Plain("authtls.foo.com", 200),
            Plain("other", 404),
        ],
    },
];
