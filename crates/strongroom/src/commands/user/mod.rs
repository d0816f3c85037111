//! `strongroom user ...`.

mod mfa;
mod register;

use serde_json::{Value, json};
use strongroom_model::{Role, UserName};
use strongroom_wire::{Extras, Login, Request, Response, UserInfo};
use zeroize::Zeroizing;

use crate::args::{
    Access, ApprovalOption, Between, ChangeMfa, ChangeQuorum, ChangeQuorumTokenSign, User, UserCommand,
    UserWithPassword,
};
use crate::output::{Failure, Output, table};
use crate::password::{self, blob};
use crate::secrets::Secrets;
use crate::session::{Desk, Session, unexpected};
use crate::tokens::read_approvals;
use crate::views;

/// Manages users. Output as cloudhsm-cli's.
pub(crate) fn run(desk: &Desk, command: &UserCommand) -> Result<Output, Failure> {
    match command {
        UserCommand::Create(arguments) => create(desk, arguments),
        UserCommand::Delete { user, approval } => delete(desk, user, approval),
        UserCommand::List { access, human } => list(desk, access, *human),
        UserCommand::ChangePassword { user, deregister_mfa, deregister_quorum } => {
            change_password(desk, user, *deregister_mfa || *deregister_quorum)
        }
        UserCommand::ChangeMfa(ChangeMfa::TokenSign {
            user,
            token,
            change_password,
            change_quorum,
            deregister: _,
            approval,
        }) => match token {
            Some(token) => mfa::register(desk, user, token, *change_password, *change_quorum),
            None => mfa::deregister(desk, user, approval),
        },
        UserCommand::ChangeQuorum(ChangeQuorum::TokenSign(ChangeQuorumTokenSign::Register {
            access,
            public_key,
            signed_token,
        })) => register::run(desk, access, public_key, signed_token),
        UserCommand::Replicate { user, between, approval } => replicate(desk, user, between, approval),
    }
}

fn create(desk: &Desk, arguments: &UserWithPassword) -> Result<Output, Failure> {
    let extras = approved(&arguments.approval)?;
    let session = desk.login(&arguments.user.access, Role::Admin)?;
    let password = new_password(arguments)?;
    session.done(&extras, &Request::CreateUser(new_login(&arguments.user, &password)))?;
    Ok(described(&arguments.user))
}

fn delete(desk: &Desk, user: &User, approval: &ApprovalOption) -> Result<Output, Failure> {
    let extras = approved(approval)?;
    let session = desk.login(&user.access, Role::Admin)?;
    session.done(&extras, &Request::DeleteUser { role: user.role, user: user.username.clone() })?;
    let forgotten = Secrets::update(session.home(), |secrets| {
        secrets.forget(session.cluster(), user.role, &user.username)
    });
    forgotten.map_err(|failure| Failure::new(format!("the user was deleted, but {failure}")))?;
    Ok(described(user))
}

fn change_password(desk: &Desk, arguments: &UserWithPassword, deregister: bool) -> Result<Output, Failure> {
    let user = &arguments.user;
    let extras = approved(&arguments.approval)?;
    let session = desk.login(&user.access, Role::Admin)?;
    let password = new_password(arguments)?;
    set_password(&session, user, &password, &extras)?;
    if deregister && is_registered(&session, user)? {
        let request = Request::ChangeMfa { role: user.role, user: user.username.clone(), key: None };
        session
            .done(&Extras::default(), &request)
            .map_err(|failure| Failure::new(format!("the password was changed, but {failure}")))?;
    }
    Ok(described(user))
}

/// Sets a password. One's own ends the login, so that one is logged in anew.
fn set_password(session: &Session, user: &User, password: &str, extras: &Extras) -> Result<(), Failure> {
    let who = session.who();
    session.done(extras, &Request::ChangePassword(new_login(user, password)))?;
    // What `up` made is what `up` goes on to tell.
    let noted = Secrets::update(session.home(), |secrets| {
        let known = secrets.user_mut(session.cluster(), user.role, &user.username);
        known.is_some_and(|known| {
            known.password = password.to_string();
            true
        })
    });
    noted.map_err(|failure| Failure::new(format!("the password was changed, but {failure}")))?;
    if who.is_some_and(|who| (who.role, &who.user) == (user.role, &user.username)) {
        // With a second factor that needs signatures; the next command then says that nobody is logged in.
        let _ = session.log_in(user.role, user.username.clone(), password, None);
    }
    Ok(())
}

fn list(desk: &Desk, access: &Access, human: bool) -> Result<Output, Failure> {
    let session = desk.anonymous(&access.place)?;
    let users = views::users(&views::ask_all(&session, &Request::ListUsers, users_in)?);
    if human {
        let text = |user: &Value, name: &str| user[name].as_str().unwrap_or_default().to_string();
        let status = |user: &Value, name: &str| user[name][0]["status"].as_str().unwrap_or("-").to_string();
        let rows: Vec<Vec<String>> = users
            .iter()
            .map(|user| {
                vec![
                    text(user, "username"),
                    text(user, "role"),
                    text(user, "locked"),
                    status(user, "mfa"),
                    status(user, "quorum"),
                    text(user, "cluster-coverage"),
                ]
            })
            .collect();
        let heading = ["username", "role", "locked", "mfa", "quorum", "coverage"];
        return Ok(Output::Text(table(&heading, &rows)));
    }
    Ok(Output::Data(json!({"users": users})))
}

fn replicate(
    desk: &Desk,
    user: &User,
    between: &Between,
    approval: &ApprovalOption,
) -> Result<Output, Failure> {
    let extras = approved(approval)?;
    let (role, name) = (user.role, user.username.clone());
    match desk.two(&user.access, between)? {
        None => {
            let session = desk.login(&user.access, Role::Admin)?;
            session.done(&Extras::default(), &Request::ReplicateUser { role, user: name })?;
        }
        Some([source, destination]) => {
            let from = desk.login(&source, Role::Admin)?;
            let to = desk.login_beyond(&source, &destination, Role::Admin)?;
            let (_, serial) = to.token()?;
            let request = Request::ExtractMaskedUser { role, user: name.clone(), to: serial };
            let Response::Bytes(masked) = from.call(&request)? else { return Err(unexpected()) };
            to.done(&extras, &Request::InsertMaskedUser { role, user: name, masked })?;
        }
    }
    Ok(Output::Data(json!({"message": "Successfully replicated user"})))
}

/// Whether a node knows the user with a key.
fn is_registered(session: &Session, user: &User) -> Result<bool, Failure> {
    let users = users_in(session.call(&Request::ListUsers)?).unwrap_or_default();
    let known = users.iter().find(|known| (known.role, &known.name) == (user.role, &user.username));
    Ok(known.is_some_and(|known| known.mfa || known.quorum))
}

fn users_in(response: Response) -> Option<Vec<UserInfo>> {
    match response {
        Response::Users(users) => Some(users),
        _ => None,
    }
}

fn new_password(arguments: &UserWithPassword) -> Result<Zeroizing<String>, Failure> {
    let what = format!("the new password of {}", arguments.user.username);
    password::new(&what, arguments.password.as_ref())
}

fn approved(option: &ApprovalOption) -> Result<Extras, Failure> {
    Ok(Extras { approvals: read_approvals([&option.approval])?, ..Extras::default() })
}

fn new_login(user: &User, password: &str) -> Login {
    Login { role: user.role, user: Some(user.username.clone()), password: blob(password) }
}

fn described(User { username, role, .. }: &User) -> Output {
    Output::Data(name_and_role(username, *role))
}

fn name_and_role(username: &UserName, role: Role) -> Value {
    json!({"username": username.as_str(), "role": role.to_string()})
}
