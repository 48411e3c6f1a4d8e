//! `webhook print`: the manifests that run the webhook.

/// The manifests, in the order in which they are applied.
const MANIFESTS: &[&str] = &[
    include_str!("../../../manifests/namespace.yaml"),
    include_str!("../../../manifests/serviceaccount.yaml"),
    include_str!("../../../manifests/rbac.yaml"),
    include_str!("../../../manifests/service.yaml"),
    include_str!("../../../manifests/deployment.yaml"),
    include_str!("../../../manifests/webhooks.yaml"),
];

/// Print the manifests of the admission webhook
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Look at them
  kubectl mtls webhook print
  # Apply them, with the CA that signed the webhook's serving certificate
  kubectl mtls webhook print --ca-bundle ca.crt | kubectl apply -f -")]
pub(crate) struct Args {
    /// The CA that the API server checks the webhook's certificate against
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<std::path::PathBuf>,
    /// What happens to a change of a route while the webhook does not answer: Ignore or Fail
    #[arg(long, default_value = "Ignore", value_parser = ["Ignore", "Fail"])]
    fail_policy: String,
    /// The image
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut text = MANIFESTS.join("---\n");
    if let Some(image) = &args.image {
        text = text.replace(
            "image: ghcr.io/kubectl-mtls/mtls-webhook:v0.1.0",
            &format!("image: {image}"),
        );
    }
    if args.fail_policy == "Fail" {
        text = text.replace(
            "failurePolicy: Ignore # routes",
            "failurePolicy: Fail # routes",
        );
    }
    if let Some(path) = &args.ca_bundle {
        use base64::Engine as _;
        let bundle = base64::engine::general_purpose::STANDARD.encode(crate::files::read(path)?);
        text = text.replace("caBundle: \"\"", &format!("caBundle: {bundle}"));
    }
    crate::output::bytes(text.as_bytes())?;
    Ok(0)
}
