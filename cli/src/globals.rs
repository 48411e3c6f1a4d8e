//! kubectl's own global flags, with their own meaning.

use std::path::PathBuf;

use clap::Args;

const HEADING: &str = "Cluster options (as kubectl's)";

/// The flags that say which cluster, as whom, and in which namespace.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Globals {
    /// Path to the kubeconfig file to use
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The name of the kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The namespace of the request
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// The address and port of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The name that the API server's certificate is checked against
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,
    /// Do not check the API server's certificate
    #[arg(long, global = true)]
    pub(crate) insecure_skip_tls_verify: bool,
    /// Path to the CA certificate of the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,
    /// Path to a client certificate for the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Path to the key of the client certificate for the API server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) client_key: Option<PathBuf>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// Group to impersonate (can be repeated)
    #[arg(
        long = "as-group",
        global = true,
        value_name = "GROUP",
        requires = "impersonate"
    )]
    pub(crate) impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(
        long = "as-uid",
        global = true,
        value_name = "UID",
        requires = "impersonate"
    )]
    pub(crate) impersonate_uid: Option<String>,
    /// What else is known of the user to impersonate, as KEY=VALUE (can be repeated)
    #[arg(long = "as-user-extra", global = true, value_name = "KEY=VALUE", requires = "impersonate", value_parser = extra)]
    pub(crate) impersonate_extra: Vec<(String, String)>,
    /// How long to wait for the API server, as 5s or 2m; 0 is for ever
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) request_timeout: std::time::Duration,
    /// How much to tell: 6 shows requests to the API server, 7 their headers too
    #[arg(
        short = 'v',
        long = "v",
        global = true,
        value_name = "LEVEL",
        default_value_t = 0
    )]
    pub(crate) verbosity: u8,
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value_t)]
    pub(crate) color: clap::ColorChoice,
    /// The command as it was typed, without arguments: `kubectl mtls get hosts`
    #[arg(skip)]
    pub(crate) command: String,
}

impl Globals {
    /// The namespace for objects in files that name none.
    pub(crate) fn file_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

/// Whether a change to the cluster is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DryRun {
    /// Nothing is sent.
    Client,
    /// It is made.
    None,
    /// The API server checks it and forgets it.
    Server,
}

impl DryRun {
    /// What to say of each object.
    pub(crate) fn done(self, done: &str) -> String {
        match self {
            Self::None => done.to_owned(),
            Self::Client => format!("{done} (dry run)"),
            Self::Server => format!("{done} (server dry run)"),
        }
    }
}

/// Whether `--dry-run` asks the API server, of a verb that it alone can check.
pub(crate) fn asked(dry_run: &str) -> Result<bool, String> {
    match dry_run {
        "none" => Ok(false),
        "server" => Ok(true),
        "client" => Err(
            "what would change hangs on what the cluster holds: use --dry-run=server".to_owned(),
        ),
        _ => Err("none or server is expected".to_owned()),
    }
}

/// `KEY=VALUE`.
fn extra(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is expected")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `90`, `5s`, `2m`, `1h`, `30d`, `2w`, `1y`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let end = text
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        "y" => 365 * 24 * 3600,
        _ => {
            return Err(format!(
                "{unit:?} is no unit of time: use s, m, h, d, w or y"
            ));
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a number and a unit, as 90d".to_owned())?;
    let seconds = number.checked_mul(factor).ok_or("that is too long")?;
    Ok(std::time::Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_api_server_is_asked() {
        assert_eq!(asked("none"), Ok(false));
        assert_eq!(asked("server"), Ok(true));
        assert!(asked("client").is_err_and(|reason| reason.contains("--dry-run=server")));
        assert!(asked("true").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration("2m").map(|time| time.as_secs()), Ok(120));
        assert_eq!(duration("90d").map(|time| time.as_secs()), Ok(7_776_000));
        assert!(duration("5x").is_err() && duration("").is_err());
        assert!(duration("99999999999999999999y").is_err());
    }
}
