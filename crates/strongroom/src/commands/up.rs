//! `strongroom up`.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use strongroom_model::{Profile, UserName, Variant};
use strongroom_server::Home;
use strongroom_server::control::{
    ClusterStatus, ControlError, ControlRequest, ControlResponse, CreateCluster, Status, call,
};

use crate::args::{self, CryptoUser};
use crate::output::{Failure, Output};
use crate::password::{self, blob};
use crate::secrets::{self, ClusterSecrets, Secrets, UserSecret};
use crate::{client_config, daemon, module_path};

const DEFAULT_NODES: u16 = 2;
const OFFICER: &str = "admin";
const DEFAULT_CRYPTO_USER: &str = "app";

/// Brings up a cluster. What is there already stays as it is.
pub(crate) fn run(arguments: &args::Up) -> Result<Output, Failure> {
    let module = module_path::find()?;
    let home = super::home(&arguments.home);
    home.prepare().map_err(|error| Failure::new(error.to_string()))?;
    // Two at once would both make passwords, and one would keep the wrong ones.
    let _alone = secrets::lock(&home)?;
    let running = daemon::status(&home)?;
    let is_new = running.is_none();
    let mut status = match running {
        Some(status) => {
            check_aws(arguments.aws, &status)?;
            status
        }
        None => daemon::start(&home, arguments.aws)?,
    };

    let mut secrets = Secrets::load(&home)?;
    if let Some(cluster) = find(&status, &arguments.cluster) {
        check_same(arguments, cluster, secrets.of(&arguments.cluster))?;
    } else {
        if let Err(failure) = create(arguments, &home, &mut secrets) {
            // A daemon with nothing to serve is of no use to anybody.
            if is_new && status.clusters.is_empty() {
                daemon::end(&home)?;
            }
            return Err(failure);
        }
        status = daemon::status(&home)?.ok_or_else(daemon::unexpected)?;
    }
    if arguments.listen {
        call(home.path(), ControlRequest::Listen { cluster: arguments.cluster.clone() })?;
        status = daemon::status(&home)?.ok_or_else(daemon::unexpected)?;
    }
    let slot = client_config::update(&home, &status.clusters, &arguments.cluster)?;
    let cluster = find(&status, &arguments.cluster).ok_or_else(daemon::unexpected)?;
    let secrets = secrets.of(&cluster.name);
    let mut described = describe(&home, &module, slot, cluster, secrets, status.pid);
    described["aws_endpoint"] = super::status::aws_endpoint(&status);
    Ok(Output::Data(described))
}

/// Refuses to pass over the wish for an API that the daemon doesn't serve.
fn check_aws(wanted: Option<SocketAddr>, status: &Status) -> Result<(), Failure> {
    let Some(wanted) = wanted else { return Ok(()) };
    let is_there = |has: &SocketAddr| *has == wanted || (wanted.port() == 0 && has.ip() == wanted.ip());
    if status.aws.as_ref().is_some_and(is_there) {
        return Ok(());
    }
    let has = status
        .aws
        .map_or_else(|| "without the AWS API".to_owned(), |has| format!("with the AWS API at {has}"));
    Err(Failure::new(format!(
        "the daemon, process {}, runs already, {has}: end it with  strongroom down  and say this again",
        status.pid
    )))
}

fn find<'a>(status: &'a Status, name: &str) -> Option<&'a ClusterStatus> {
    status.clusters.iter().find(|cluster| cluster.name == name)
}

/// Makes the cluster. Its passwords are written down first, so that no moment of a crash loses them.
fn create(arguments: &args::Up, home: &Home, secrets: &mut Secrets) -> Result<(), Failure> {
    let users = new_users(arguments, secrets.of(&arguments.cluster))?;
    secrets.set(&arguments.cluster, users.clone());
    secrets.save(home)?;
    let request = CreateCluster {
        name: arguments.cluster.clone(),
        nodes: arguments.nodes.unwrap_or(DEFAULT_NODES),
        profile: arguments.profile.unwrap_or(Profile::Standard),
        variant: arguments.variant(Variant::default()),
        officer_password: users.officer.as_ref().map(|officer| blob(&officer.password)),
        crypto_users: users
            .crypto_users
            .iter()
            .map(|user| (user.username.clone(), blob(&user.password)))
            .collect(),
        uninitialized: arguments.uninitialized || arguments.own_ca,
        own_ca: arguments.own_ca,
    };
    match call(home.path(), ControlRequest::CreateCluster(request)) {
        Ok(ControlResponse::Created(_)) => Ok(()),
        Ok(_) => Err(daemon::unexpected()),
        Err(error) => {
            // After any other error the cluster may have been made; its passwords must stay then.
            if matches!(error, ControlError::Refused(_)) {
                secrets.remove(&arguments.cluster);
                secrets.save(home)?;
            }
            Err(error.into())
        }
    }
}

/// The users to make: as asked; else as an `up` that was cut short had decided; else the usual ones.
fn new_users(arguments: &args::Up, earlier: Option<&ClusterSecrets>) -> Result<ClusterSecrets, Failure> {
    if arguments.uninitialized || arguments.own_ca {
        return Ok(ClusterSecrets::default());
    }
    let nothing_asked = arguments.officer_password.is_none() && arguments.crypto_users.is_empty();
    if let Some(earlier) = earlier.filter(|earlier| nothing_asked && earlier.officer.is_some()) {
        return Ok(earlier.clone());
    }
    let secret = |username: UserName, given: Option<&password::Given>| -> Result<UserSecret, Failure> {
        let password = match given {
            Some(given) => given.read()?,
            None => password::make_up(),
        };
        Ok(UserSecret { username, password: password.to_string() })
    };
    let officer = secret(OFFICER.parse()?, arguments.officer_password.as_ref())?;
    let usual = [CryptoUser { name: DEFAULT_CRYPTO_USER.parse()?, password: None }];
    let asked: &[CryptoUser] =
        if arguments.crypto_users.is_empty() { &usual } else { &arguments.crypto_users };
    let crypto_users = asked
        .iter()
        .map(|user| secret(user.name.clone(), user.password.as_ref()))
        .collect::<Result<_, _>>()?;
    Ok(ClusterSecrets { officer: Some(officer), crypto_users })
}

/// Refuses to pass over a wish that the cluster that's there doesn't fulfil.
fn check_same(
    arguments: &args::Up,
    cluster: &ClusterStatus,
    known: Option<&ClusterSecrets>,
) -> Result<(), Failure> {
    let refuse = |what: String| {
        Err(Failure::new(format!(
            "there is a cluster {} already, and {what}. `up` changes nothing in it; choose another name with --cluster, or \
             another --home",
            cluster.name
        )))
    };
    if let Some(nodes) = arguments.nodes.filter(|nodes| usize::from(*nodes) != cluster.nodes.len()) {
        return refuse(format!("it has {} nodes, not {nodes}", cluster.nodes.len()));
    }
    if let Some(profile) = arguments.profile.filter(|profile| *profile != cluster.profile) {
        return refuse(format!("its profile is {}, not {profile}", cluster.profile));
    }
    if arguments.variant(cluster.variant) != cluster.variant {
        return refuse("it plays another HSM, or with other quirks".to_owned());
    }
    for user in &arguments.crypto_users {
        let known =
            known.and_then(|known| known.crypto_users.iter().find(|known| known.username == user.name));
        let Some(known) = known else {
            return refuse(format!(
                "{} isn't a user that was made with it (`strongroom user create` makes one)",
                user.name
            ));
        };
        if let Some(given) = &user.password
            && *given.read()? != known.password
        {
            return refuse(format!(
                "the password of {} is another (`strongroom user change-password` changes it)",
                user.name
            ));
        }
    }
    if let (Some(given), Some(known)) =
        (&arguments.officer_password, known.and_then(|known| known.officer.as_ref()))
        && *given.read()? != known.password
    {
        return refuse(
            "the officer's password is another (`strongroom user change-password` changes it)".into(),
        );
    }
    Ok(())
}

fn describe(
    home: &Home,
    module: &Path,
    slot: usize,
    cluster: &ClusterStatus,
    secrets: Option<&ClusterSecrets>,
    pid: u32,
) -> Value {
    let officer = secrets.and_then(|secrets| secrets.officer.as_ref());
    let crypto_users = secrets.map(|secrets| secrets.crypto_users.as_slice()).unwrap_or_default();
    json!({
        "home": home.path(),
        "module": module,
        "config": home.client_config(),
        "cluster": cluster.name,
        "slot": slot,
        "token_label": cluster.label,
        "profile": cluster.profile.to_string(),
        "variant": super::status::variant(cluster),
        "initialized": cluster.initialized,
        "officer": officer.map(|officer| json!({
            "username": officer.username.as_str(),
            "password_file": home.secrets(),
        })),
        "crypto_users": crypto_users.iter().map(|user| json!({
            "username": user.username.as_str(),
            "pin": user.pin().as_str(),
        })).collect::<Vec<_>>(),
        "nodes": cluster.nodes.iter().map(|node| json!({
            "node": node.node.0,
            "socket": node.socket,
            "address": node.address.map(|address| address.to_string()),
        })).collect::<Vec<_>>(),
        "hsm_ca_cert": cluster.nodes.iter().any(|node| node.address.is_some()).then(|| home.customer_ca()),
        "pid": pid,
    })
}
