//! Logins to clusters, for the commands that act on users and keys.

use std::cell::RefCell;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_client::{Client, ClusterConfig, Config, Route};
use strongroom_model::{Error, Handle, NodeId, ReturnCode, Role, UserName};
use strongroom_server::{Home, default_home};
use strongroom_wire::{Extras, Login, Request, Response, SignedChallenge};
use zeroize::Zeroizing;

use crate::args::{Access, Place};
use crate::output::Failure;
use crate::password::{self, blob};
use crate::secrets::Secrets;

/// The only PKCS#11 session of this process.
const SESSION: u64 = 1;
/// How long a node may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where commands find their sessions: each has its own, or, in interactive mode, they share one for each cluster.
pub(crate) struct Desk {
    seats: Option<RefCell<Vec<Rc<Seat>>>>,
}

/// A cluster, and who is logged in to it.
pub(crate) struct Session(Rc<Seat>);

/// Logged out when the last session with it is dropped.
struct Seat {
    client: Arc<Client>,
    home: Home,
    cluster: String,
    who: RefCell<Option<Who>>,
}

/// A user who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) role: Role,
    pub(crate) user: UserName,
}

/// A role, a name, and the password where it's known.
struct Identity {
    role: Role,
    user: UserName,
    password: Option<Zeroizing<String>>,
}

impl Desk {
    /// For a single command: it logs in for itself, and out.
    pub(crate) const fn of_one_command() -> Self {
        Self { seats: None }
    }

    /// For commands that follow each other: one stays logged in.
    pub(crate) const fn of_many_commands() -> Self {
        Self { seats: Some(RefCell::new(Vec::new())) }
    }

    /// Whether logins outlive a command.
    pub(crate) const fn is_interactive(&self) -> bool {
        self.seats.is_some()
    }

    /// A cluster, as whoever is logged in to it or as nobody.
    pub(crate) fn anonymous(&self, place: &Place) -> Result<Session, Failure> {
        let (home, config) = find(place)?;
        let config = pick(config, place.cluster.as_deref())?;
        let Some(seats) = &self.seats else { return Ok(Session::new(home, config)) };
        let mut seats = seats.borrow_mut();
        let taken = seats.iter().find(|seat| seat.cluster == config.name && seat.home.path() == home.path());
        if let Some(seat) = taken {
            return Ok(Session(Rc::clone(seat)));
        }
        let session = Session::new(home, config);
        seats.push(Rc::clone(&session.0));
        Ok(session)
    }

    /// A cluster, as somebody: as the command line says, as who logged in before, as the environment says, or as the user
    /// that `up` made for the role `usual`.
    pub(crate) fn login(&self, access: &Access, usual: Role) -> Result<Session, Failure> {
        let is_asked = access.login_username.is_some() || access.login_role.is_some();
        if self.is_interactive() && !is_asked {
            let session = self.anonymous(&access.place)?;
            return match session.who() {
                Some(_) => Ok(session),
                None => Err(Failure::new(format!(
                    "nobody is logged in to the cluster {}: say  login --username NAME --role ROLE  first",
                    session.cluster()
                ))),
            };
        }
        let (home, config) = find(&access.place)?;
        let session = Session::new(home, pick(config, access.place.cluster.as_deref())?);
        let identity = session.identity(access, usual)?;
        let password = match identity.password {
            Some(password) => password,
            None => password::ask(&format!("the password of {}", identity.user))?,
        };
        session.log_in(identity.role, identity.user, &password, None)?;
        Ok(session)
    }
}

impl Session {
    fn new(home: Home, config: ClusterConfig) -> Self {
        let cluster = config.name.clone();
        Self(Rc::new(Seat { client: Arc::new(Client::new(config)), home, cluster, who: RefCell::new(None) }))
    }

    /// The home that the cluster is of, as far as the command line and the environment tell.
    pub(crate) fn home(&self) -> &Home {
        &self.0.home
    }

    /// The cluster's name.
    pub(crate) fn cluster(&self) -> &str {
        &self.0.cluster
    }

    /// Who is logged in. The nodes may have ended the login; then it's nobody.
    pub(crate) fn who(&self) -> Option<Who> {
        self.0.client.identity()?;
        self.0.who.borrow().clone()
    }

    /// Who is logged in.
    pub(crate) fn must_be_somebody(&self) -> Result<Who, Failure> {
        self.who().ok_or_else(|| Failure::new("nobody is logged in"))
    }

    /// Logs in, with the answers to the nodes' challenges if there is a second factor.
    pub(crate) fn log_in(
        &self,
        role: Role,
        user: UserName,
        password: &str,
        signed: Option<Vec<SignedChallenge>>,
    ) -> Result<(), Failure> {
        let login = Login { role, user: Some(user.clone()), password: blob(password) };
        match signed {
            None => self.0.client.login(SESSION, login)?,
            Some(signed) => self.0.client.login_with_key(SESSION, login, signed)?,
        }
        *self.0.who.borrow_mut() = Some(Who { role, user });
        Ok(())
    }

    /// Logs out.
    pub(crate) fn log_out(&self) -> Result<(), Failure> {
        self.0.who.borrow_mut().take();
        // Session keys end with the session, not with the login.
        self.0.client.close_session(SESSION);
        Ok(self.0.client.logout()?)
    }

    /// Has a node carry out a request.
    pub(crate) fn call(&self, request: &Request) -> Result<Response, Failure> {
        Ok(self.0.client.call(Route::Any, SESSION, request)?)
    }

    /// Has a node carry out a request about an object.
    pub(crate) fn call_about(&self, handle: Handle, request: &Request) -> Result<Response, Failure> {
        Ok(self.try_call_about(handle, request)?)
    }

    /// As [`Self::call_about`], for who looks at the error's code.
    pub(crate) fn try_call_about(&self, handle: Handle, request: &Request) -> Result<Response, Error> {
        self.0.client.call(Route::Of(handle), SESSION, request)
    }

    /// As [`Self::call_about`], with approvals or the terms of a new key; without an object, at any node.
    pub(crate) fn call_with(
        &self,
        handle: Option<Handle>,
        extras: &Extras,
        request: &Request,
    ) -> Result<Response, Failure> {
        let route = handle.map_or(Route::Any, Route::Of);
        Ok(self.0.client.call_with(route, SESSION, extras, request)?)
    }

    /// Has a node carry out a request that yields nothing but success.
    pub(crate) fn done(&self, extras: &Extras, request: &Request) -> Result<(), Failure> {
        match self.call_with(None, extras, request)? {
            Response::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    /// Has each of these nodes carry out a request, and says what they answer, in their order. One that can't be reached, or
    /// doesn't answer in time, is a `CKR_DEVICE_ERROR` or a `CKR_TOKEN_NOT_PRESENT`.
    pub(crate) fn ask_each(&self, nodes: &[NodeId], request: &Request) -> Vec<Result<Response, Error>> {
        let (sender, answers) = channel();
        for (at, node) in nodes.iter().copied().enumerate() {
            let (client, sender, request) = (Arc::clone(&self.0.client), sender.clone(), request.clone());
            // Not joined: a node that never answers holds up its thread alone.
            thread::spawn(move || {
                let answer = client.call_now(Route::Node(node), SESSION, &request);
                let _ = sender.send((at, answer));
            });
        }
        drop(sender);
        let late = |node: &NodeId| {
            let message = format!("node {} doesn't answer within {} seconds", node.0, PATIENCE.as_secs());
            Err(Error::new(ReturnCode::DEVICE_ERROR, message))
        };
        let mut collected: Vec<Result<Response, Error>> = nodes.iter().map(late).collect();
        let deadline = Instant::now() + PATIENCE;
        while let Ok((at, answer)) = answers.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            collected[at] = answer;
        }
        collected
    }

    /// As [`Self::ask_each`], of one node.
    pub(crate) fn ask(&self, node: NodeId, request: &Request) -> Result<Response, Error> {
        self.ask_each(&[node], request).remove(0)
    }

    /// The token's label and serial number.
    pub(crate) fn token(&self) -> Result<(String, String), Failure> {
        let info = self.0.client.probe()?;
        Ok((info.label.clone(), info.serial.clone()))
    }

    /// The cluster's nodes, whether they can be reached or not.
    pub(crate) fn nodes(&self) -> Result<Vec<NodeId>, Failure> {
        Ok(self.0.client.probe()?.members.iter().map(|member| member.node).collect())
    }

    /// The nodes that have session objects of this process.
    pub(crate) fn nodes_of_session(&self) -> Vec<NodeId> {
        self.0.client.used_nodes()
    }

    fn identity(&self, access: &Access, usual: Role) -> Result<Identity, Failure> {
        if access.login_username.is_none()
            && access.login_role.is_none()
            && let Some(identity) = from_environment(usual)?
        {
            return Ok(identity);
        }
        let role = access.login_role.unwrap_or(usual);
        let mut secrets = Secrets::if_readable(self.home())?;
        let user = match &access.login_username {
            Some(user) => user.clone(),
            None => secrets.first(self.cluster(), role).ok_or_else(|| self.nobody(role))?,
        };
        let password = secrets.user_mut(self.cluster(), role, &user);
        let password = password.map(|known| Zeroizing::new(known.password.clone()));
        Ok(Identity { role, user, password })
    }

    fn nobody(&self, role: Role) -> Failure {
        Failure::new(format!(
            "nobody to log in as: {} knows no {role} of the cluster {}. Name one with --login-username, or set STRONGROOM_ROLE \
             and STRONGROOM_PIN",
            self.home().secrets().display(),
            self.cluster()
        ))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.client.close_session(SESSION);
        // The ticket would only end by itself; that nobody was logged in is fine.
        let _ = self.client.logout();
    }
}

/// A node's answer is to another question.
pub(crate) fn unexpected() -> Failure {
    Failure::new(
        "the node's answer makes no sense; is it of the same version as this command? See `strongroom status`",
    )
}

/// The home that's meant, and the configuration to use. A configuration that isn't a home's own still
/// has its secrets beside it, if anywhere.
fn find(place: &Place) -> Result<(Home, Config), Failure> {
    let of_home = |home: PathBuf| -> Result<(Home, Config), Failure> {
        let home = Home::new(home);
        let config = load(&home.client_config())?;
        Ok((home, config))
    };
    if let Some(home) = &place.home.home {
        return of_home(home.clone());
    }
    if let Some(file) = env::var_os("STRONGROOM_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from) {
        let folder = file.parent().unwrap_or(Path::new(".")).to_path_buf();
        return Ok((Home::new(folder), load(&file)?));
    }
    let home = default_home();
    if Home::new(&home).client_config().exists() {
        return of_home(home);
    }
    let config = Config::load().map_err(|error| Failure::new(error.to_string()))?;
    Ok((Home::new(home), config))
}
fn load(file: &Path) -> Result<Config, Failure> {
    if !file.exists() {
        let folder = file.parent().unwrap_or(Path::new("/")).display();
        return Err(Failure::new(format!(
            "there is no {}: no cluster was brought up in that home. Bring one up with  strongroom up --home {folder}",
            file.display()
        )));
    }
    Config::from_file(file).map_err(|error| Failure::new(error.to_string()))
}

fn pick(config: Config, wanted: Option<&str>) -> Result<ClusterConfig, Failure> {
    let names: Vec<String> = config.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let mut clusters = config.clusters.into_iter();
    let picked = match wanted {
        Some(name) => clusters.find(|cluster| cluster.name == name),
        None => clusters.next(),
    };
    picked.ok_or_else(|| {
        Failure::new(format!(
            "the configuration has no cluster {}; it has {}",
            wanted.unwrap_or("at all"),
            names.join(", ")
        ))
    })
}

/// `STRONGROOM_PIN` (`user:password`) and `STRONGROOM_ROLE`, or those that cloudhsm-cli reads.
fn from_environment(usual: Role) -> Result<Option<Identity>, Failure> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    for prefix in ["STRONGROOM", "CLOUDHSM"] {
        let Some(pin) = variable(&format!("{prefix}_PIN")).map(Zeroizing::new) else { continue };
        let role = match variable(&format!("{prefix}_ROLE")) {
            Some(role) => role.parse()?,
            None => usual,
        };
        let Some((user, password)) = pin.split_once(':') else {
            return Err(Failure::new(format!("{prefix}_PIN has no colon; it is user:password")));
        };
        let password = Some(Zeroizing::new(password.to_string()));
        return Ok(Some(Identity { role, user: user.parse()?, password }));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cluster_is_picked_unless_one_is_named() {
        let text =
            "[[cluster]]\nname = 'a'\nnodes = ['unix:/a']\n[[cluster]]\nname = 'b'\nnodes = ['unix:/b']\n";
        let config = || Config::from_toml(text).unwrap();
        assert_eq!(pick(config(), None).unwrap().name, "a");
        assert_eq!(pick(config(), Some("b")).unwrap().name, "b");
        assert!(pick(config(), Some("c")).is_err());
    }
}
