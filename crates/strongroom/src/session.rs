//! Logins to clusters, for the commands that act on users and keys.

mod identity;
mod place;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_client::{Client, ClusterConfig, Route};
use strongroom_model::{Error, Handle, NodeId, Profile, ReturnCode, Role, UserName};
use strongroom_server::Home;
use strongroom_wire::{Extras, Login, Request, Response, SignedChallenge};

use self::identity::Identity;
use self::place::{find, pick};
use crate::args::{Access, Between, Place};
use crate::output::Failure;
use crate::password::{self, blob};

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
        session.log_in_as(identity)?;
        Ok(session)
    }

    /// The two clusters that are meant, if they are two.
    pub(crate) fn two(&self, access: &Access, between: &Between) -> Result<Option<[Access; 2]>, Failure> {
        let (_, config) = find(&access.place)?;
        let named = |wanted: &Option<String>| -> Result<Access, Failure> {
            let wanted = wanted.as_deref().or(access.place.cluster.as_deref());
            let cluster = Some(pick(config.clone(), wanted)?.name);
            Ok(Access { place: Place { cluster, ..access.place.clone() }, ..access.clone() })
        };
        let (source, destination) =
            (named(&between.source_cluster_id)?, named(&between.destination_cluster_id)?);
        Ok((source.place.cluster != destination.place.cluster).then_some([source, destination]))
    }

    /// As [`Self::login`], to a cluster that something of another one, a clone, is brought to: as `DESTINATION_CLOUDHSM_PIN`
    /// and `DESTINATION_CLOUDHSM_ROLE` say (or the same with STRONGROOM), else as whoever does it in the other one.
    pub(crate) fn login_beyond(
        &self,
        source: &Access,
        destination: &Access,
        usual: Role,
    ) -> Result<Session, Failure> {
        if self.is_interactive() {
            return self.login(destination, usual);
        }
        let session = |access: &Access| -> Result<Session, Failure> {
            let (home, config) = find(&access.place)?;
            Ok(Session::new(home, pick(config, access.place.cluster.as_deref())?))
        };
        let identity = match identity::at_destination(usual)? {
            Some(identity) => identity,
            // Clones have the same users; who else they are by now is told by the refusal.
            None => session(source)?.identity(source, usual)?,
        };
        let session = session(destination)?;
        session.log_in_as(identity)?;
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

    fn log_in_as(&self, identity: Identity) -> Result<(), Failure> {
        let password = match identity.password {
            Some(password) => password,
            None => password::ask(&format!(
                "the password of {} in the cluster {}",
                identity.user,
                self.cluster()
            ))?,
        };
        self.log_in(identity.role, identity.user, &password, None)
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

    /// What the cluster allows, as any node says it.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        match self.0.client.cluster() {
            Some(known) => Ok(known.profile),
            None => Ok(self.0.client.probe()?.profile),
        }
    }

    /// The nodes that have session objects of this process.
    pub(crate) fn nodes_of_session(&self) -> Vec<NodeId> {
        self.0.client.used_nodes()
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
