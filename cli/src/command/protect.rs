//! `protect`: puts a route behind a CA, or a whole gateway, in the words of the gateway; and says
//! what came of it.

mod outcome;
mod target;
mod world;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use policy::dialect::{self, GatewayRequest, Role, WriteRequest, Written};
use policy::{Facts, Mode, Object, ObjectRef, SecretRef};

use super::block_on;
use super::source;
use crate::globals::{DryRun, Globals};
use crate::output::{self, Format};
use crate::problem::{FINDINGS, Problem, say};

use target::Subject;
use world::World;

/// Put a route behind a CA, in the words of its gateway
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # Demand certificates of the CA in Secret shop/partners-trust
  kubectl mtls protect ingress/api -n shop --trust partners-trust
  # Show what would be applied
  kubectl mtls protect ingressroute/api -n shop --trust partners-trust \\
    --dry-run=client -o yaml
  # All routes of its hosts in the namespace at once
  kubectl mtls protect ingress/api -n shop --trust partners-trust --whole-host
  # APISIX: an ApisixTls is made, with the server's certificate of this Secret
  kubectl mtls protect ingress/api -n shop --trust partners-trust \\
    --server-cert api-tls
  # Every host of Traefik but two
  kubectl mtls protect gateway/traefik -n ingress --trust partners-trust \\
    --except www.example.com --except status.example.com
  # Offline: the route is in a file
  kubectl mtls protect ingress/api -n shop --trust partners-trust \\
    -f api.yaml --dry-run=client -o yaml")]
pub(crate) struct Args {
    /// The route, as ingress/api, ingressroute/api or apisixtls/api; or gateway/traefik
    #[arg(value_name = "KIND/NAME")]
    target: String,
    /// The trust Secret, in the target's namespace
    #[arg(long, value_name = "NAME")]
    trust: String,
    /// Whether certificates are required or optional
    #[arg(long, default_value = "required", value_parser = mode)]
    mode: Mode,
    /// Protect all routes on the target's hosts that stand in its namespace
    #[arg(long)]
    whole_host: bool,
    /// The Secret with the server's certificate, where the gateway needs one and the route names none
    #[arg(long, value_name = "NAME")]
    server_cert: Option<String>,
    /// A host that goes on asking for nothing, with gateway/ID (can be repeated)
    #[arg(long, value_name = "HOST")]
    except: Vec<String>,
    /// Take over fields that somebody else has set, as kubectl's own flag does
    #[arg(long)]
    force_conflicts: bool,
    /// What the gateways are told outside the objects
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take the target from files instead of the cluster
    #[arg(short, long, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// none, client (only print what would be applied) or server
    #[arg(long, default_value = "none", num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: DryRun,
    /// Output format: human, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "required" => Ok(Mode::Required),
        "optional" => Ok(Mode::Optional),
        _ => Err("one of required and optional is expected".to_owned()),
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let subject = Subject::parse(&args.target)?;
    match subject {
        Subject::Route(_) if !args.except.is_empty() => {
            Err(Problem::usage("--except is for a whole gateway")
                .hint("write gateway/ID instead of a route"))
        }
        Subject::Gateway(_) if args.whole_host || args.server_cert.is_some() => Err(
            Problem::usage("--whole-host and --server-cert are for a route")
                .hint("write KIND/NAME instead of a gateway"),
        ),
        _ => block_on(protect(args, &subject, globals)),
    }
}

async fn protect(args: &Args, subject: &Subject<'_>, globals: &Globals) -> anyhow::Result<u8> {
    let settings = source::settings(args.config.clone())?;
    let (world, mut facts) = World::open(args, settings, globals).await?;
    let (touched, written) = match subject {
        Subject::Gateway(dialect) => gateway(args, dialect, &world, &mut facts).await?,
        Subject::Route(target) => {
            let object = world.target(target, &args.target).await?;
            routes(args, object, &world, &mut facts).await?
        }
    };
    world.change(args, &written, &mut facts).await?;
    output::objects(
        args.output,
        &written.apply,
        &args.dry_run.done("serverside-applied"),
    )?;
    for removal in &written.remove {
        outcome::say_removal(removal, args.dry_run);
    }
    for note in &written.notes {
        say("note", note);
    }
    let report = world.report(&mut facts).await?;
    let broken = outcome::say_verdicts(args, &touched, &report);
    Ok(if broken { FINDINGS } else { 0 })
}

/// Every host of a gateway; nothing is touched that is not named by the demand itself.
async fn gateway(
    args: &Args,
    dialect: &dialect::Dialect,
    world: &World,
    facts: &mut Facts,
) -> anyhow::Result<(BTreeSet<Arc<ObjectRef>>, Written)> {
    let keys = facts.hosts();
    let of_dialect = keys.iter().filter(|key| key.gateway.dialect == dialect.id);
    let instances: BTreeSet<_> = of_dialect.map(|key| Arc::clone(&key.gateway)).collect();
    let shared = Arc::new(policy::Gateway {
        dialect: dialect.id,
        instance: dialect.class.to_owned(),
    });
    let gateway = instances.first().unwrap_or(&shared);
    let written = (dialect.write_gateway)(&GatewayRequest {
        gateway,
        trust: &SecretRef::new(world.namespace(), &args.trust),
        mode: args.mode,
        except: &args.except,
        view: &facts.view(),
    });
    let written = written.map_err(|reason| {
        Problem::world(reason).hint("`kubectl mtls get hosts -A` shows what each host demands now")
    })?;
    lay(&written, world, facts).await?;
    let hosts = facts.hosts_of(gateway);
    let routes = hosts.flat_map(|key| facts.view().routes(key));
    let touched = routes.map(|route| Arc::clone(&route.site.object)).collect();
    Ok((touched, written))
}

/// The route, and with `--whole-host` its neighbours, one after the other: each sees what was
/// written for those before it.
async fn routes(
    args: &Args,
    object: Object,
    world: &World,
    facts: &mut Facts,
) -> anyhow::Result<(BTreeSet<Arc<ObjectRef>>, Written)> {
    let mut ids = vec![Arc::clone(&object.id)];
    if args.whole_host {
        ids.extend(neighbours(&object, facts));
    }
    let mut total = Written::default();
    for id in &ids {
        let object = match *id == object.id {
            true => Some(object.clone()),
            false => world.object(id).await?,
        };
        let Some(object) = object else {
            continue;
        };
        let written = write(args, &object, facts)?;
        lay(&written, world, facts).await?;
        add(&mut total, written);
    }
    Ok((ids.into_iter().collect(), total))
}

/// The other routes of the object's hosts in its namespace, but for those that are there for plain
/// HTTP alone: with a demand they would get TLS, and a redirect would be lost.
fn neighbours(object: &Object, facts: &Facts) -> Vec<Arc<ObjectRef>> {
    let view = facts.view();
    let own = dialect::read(object, &facts.settings);
    let keys = facts.hosts();
    let keys = keys.iter().filter(|key| {
        let mut routes = own.routes.iter();
        routes.any(|route| route.gateway == key.gateway && route.hosts.contains(&key.host))
    });
    let keys: Vec<_> = keys.collect();
    let hosts = keys.iter().map(|key| dialect::settle(key, &view));
    let doors: Vec<_> = hosts.flat_map(|host| host.doors).collect();
    let objects = keys.iter().flat_map(|key| view.routes(key));
    let objects = objects.map(|route| Arc::clone(&route.site.object));
    let others: BTreeSet<_> = objects
        .filter(|id| *id != object.id && id.namespace == object.id.namespace)
        .filter(|id| dialect::kind_of(id).is_some_and(|kind| kind.role == Role::Route))
        .collect();
    let plain_only = |id: &Arc<ObjectRef>| {
        let facts = view.object(id);
        let mut routes = facts.iter().flat_map(|facts| &facts.routes);
        let terminates = routes.any(|route| route.tls || route.plain.server_certificate);
        !terminates
            && doors
                .iter()
                .any(|door| door.plain && door.site.object == *id)
    };
    others.into_iter().filter(|id| !plain_only(id)).collect()
}

/// Lays what will be over what is.
async fn lay(written: &Written, world: &World, facts: &mut Facts) -> anyhow::Result<()> {
    let mut known = Vec::new();
    let ids = written
        .apply
        .iter()
        .filter_map(|config| Object::from_value(config).ok());
    let ids = ids.map(|object| (*object.id).clone());
    for id in ids.chain(written.remove.iter().map(|removal| removal.object.clone())) {
        known.extend(world.object(&id).await?);
    }
    for object in written.merged(known.iter()) {
        let read = dialect::read(&object, &facts.settings);
        facts.insert(read);
    }
    Ok(())
}

/// Two routes may write the same option.
fn add(total: &mut Written, written: Written) {
    for config in written.apply {
        if !total.apply.contains(&config) {
            total.apply.push(config);
        }
    }
    total.remove.extend(written.remove);
    for note in written.notes {
        if !total.notes.contains(&note) {
            total.notes.push(note);
        }
    }
}

/// What the gateway of the route wants applied.
fn write(args: &Args, object: &Object, facts: &Facts) -> anyhow::Result<Written> {
    let (dialect, _) = dialect::gateway_of(object, &facts.settings).ok_or_else(|| {
        Problem::world(format!("no gateway is known that serves {}", object.id))
            .hint("set its class in spec.ingressClassName, or name its gateway in --config")
    })?;
    let trust = SecretRef::new(&object.id.namespace, &args.trust);
    let written = (dialect.write)(&WriteRequest {
        object,
        trust: &trust,
        mode: args.mode,
        option: None,
        server_certificate: args.server_cert.as_deref(),
        settings: &facts.settings,
        view: &facts.view(),
    });
    written.map_err(|reason| {
        let hint = match reason.contains(&trust.to_string()) {
            true => "`kubectl mtls create ca NAME --trust-namespace NAMESPACE` puts a CA where it is read",
            false => "`kubectl mtls describe host NAME` tells what the gateway makes of it now",
        };
        Problem::world(format!("{} cannot be protected so: {reason}", object.id)).hint(hint)
    })
}
