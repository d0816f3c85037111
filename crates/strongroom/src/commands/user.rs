//! `strongroom user ...`.

use serde_json::{Value, json};
use strongroom_model::{Role, UserName};
use strongroom_wire::{Login, Request, Response, UserInfo};
use zeroize::Zeroizing;

use crate::args::{Access, User, UserCommand, UserWithPassword};
use crate::output::{Failure, Output, table};
use crate::password::{self, blob};
use crate::secrets::Secrets;
use crate::session::{Session, unexpected};

/// Manages users. Output as cloudhsm-cli's.
pub(crate) fn run(command: &UserCommand) -> Result<Output, Failure> {
    match command {
        UserCommand::Create(arguments) => create(arguments),
        UserCommand::Delete(user) => delete(user),
        UserCommand::List { access, human } => list(access, *human),
        UserCommand::ChangePassword(arguments) => change_password(arguments),
    }
}

fn create(arguments: &UserWithPassword) -> Result<Output, Failure> {
    let session = Session::login(&arguments.user.access, Role::Admin)?;
    let password = new_password(arguments)?;
    done(&session, &Request::CreateUser(new_login(&arguments.user, &password)))?;
    Ok(described(&arguments.user))
}

fn delete(user: &User) -> Result<Output, Failure> {
    let session = Session::login(&user.access, Role::Admin)?;
    done(&session, &Request::DeleteUser { role: user.role, user: user.username.clone() })?;
    let forgotten =
        Secrets::update(&session.home, |secrets| secrets.forget(&session.cluster, user.role, &user.username));
    forgotten.map_err(|failure| Failure::new(format!("the user was deleted, but {failure}")))?;
    Ok(described(user))
}

fn change_password(arguments: &UserWithPassword) -> Result<Output, Failure> {
    let user = &arguments.user;
    let session = Session::login(&user.access, Role::Admin)?;
    let password = new_password(arguments)?;
    done(&session, &Request::ChangePassword(new_login(user, &password)))?;
    // What `up` made is what `up` goes on to tell.
    let noted = Secrets::update(&session.home, |secrets| {
        let known = secrets.user_mut(&session.cluster, user.role, &user.username);
        known.is_some_and(|known| {
            known.password = password.to_string();
            true
        })
    });
    noted.map_err(|failure| Failure::new(format!("the password was changed, but {failure}")))?;
    Ok(described(user))
}

fn list(access: &Access, human: bool) -> Result<Output, Failure> {
    let session = Session::anonymous(access)?;
    let Response::Users(users) = session.call(&Request::ListUsers)? else { return Err(unexpected()) };
    if human {
        let rows: Vec<Vec<String>> = users
            .iter()
            .map(|user| vec![user.name.to_string(), user.role.to_string(), user.locked.to_string()])
            .collect();
        return Ok(Output::Text(table(&["username", "role", "locked"], &rows)));
    }
    Ok(Output::Data(json!({"users": users.iter().map(described_in_list).collect::<Vec<_>>()})))
}

fn new_password(arguments: &UserWithPassword) -> Result<Zeroizing<String>, Failure> {
    if let Some(given) = &arguments.password {
        return given.read();
    }
    let password = password::ask(&format!("the new password of {}", arguments.user.username))?;
    let again = password::ask("the same again")?;
    if password == again {
        Ok(password)
    } else {
        Err(Failure::new("the two passwords differ; nothing was changed"))
    }
}

fn new_login(user: &User, password: &str) -> Login {
    Login { role: user.role, user: Some(user.username.clone()), password: blob(password) }
}

fn done(session: &Session, request: &Request) -> Result<(), Failure> {
    match session.call(request)? {
        Response::Done => Ok(()),
        _ => Err(unexpected()),
    }
}

fn described(User { username, role, .. }: &User) -> Output {
    Output::Data(name_and_role(username, *role))
}

fn name_and_role(username: &UserName, role: Role) -> Value {
    json!({"username": username.as_str(), "role": role.to_string()})
}

fn described_in_list(user: &UserInfo) -> Value {
    let mut entry = name_and_role(&user.name, user.role);
    // A string, as the vendor has it: one day it may also say "inconsistent".
    entry["locked"] = user.locked.to_string().into();
    entry["mfa"] = json!([]);
    entry["quorum"] = json!([]);
    entry["cluster-coverage"] = "full".into();
    entry
}
