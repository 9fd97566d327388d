//! `listen.users`: the apps of one sidecar, each with a name, a way to show that it is the one, and a place for its
//! keys. What an entry does not say is the top level's. One that is wrong is told with its place in the list
//! (`listen.users[1].password`). No namespace may begin with another one, for their keys could be the same.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::{
    Commands, Listen, Namespace, Password, Secret, commands,
    keys::{self, LISTEN_USERS},
    namespace,
    print::quoted,
    read::Reader,
    rules::entry::Entry,
};

/// One app of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What it says to AUTH: 1 to 64 printable characters, and no other user's. Never `default`.
    pub name: String,
    /// What it has to say, as written or as `sha256:` and 64 hexadecimal digits. No other user's.
    pub password: Option<Secret>,
    /// The file from which `password` was read.
    pub password_file: Option<PathBuf>,
    /// The system's user whose connections to the Unix socket are this app's without AUTH. No other user's.
    pub uid: Option<u32>,
    /// Where its keys lie; no other user's begins with it, nor it with another's, unless they are the same.
    pub namespace: Namespace,
    /// Which commands it may run.
    pub commands: Commands,
}

impl User {
    /// What a running sidecar can take of a newer list: passwords, and that a user is gone.
    #[must_use]
    pub fn renewed(current: &[Self], newer: &[Self]) -> Vec<Self> {
        let renew = |user: &Self| {
            let newer = newer.iter().find(|newer| newer.name == user.name)?;
            let (password, password_file) = (newer.password.clone(), newer.password_file.clone());
            Some(Self { password, password_file, ..user.clone() })
        };
        current.iter().filter_map(renew).collect()
    }
}

const NAMES: &[&str] = &[
    "name",
    "password",
    "password_file",
    "uid",
    "namespace",
    "namespace_channels",
    "scripts",
    "profile",
    "commands",
];

/// What the top level says of what users may leave out.
type Top<'c> = (&'c Namespace, &'c Commands);

/// The longest name.
const LONGEST: usize = 64;

/// A password's file may be so long.
const LONGEST_FILE: u64 = 64 << 10;

/// The user that a client is before it has said anything.
const DEFAULT: &str = "default";

pub(super) fn users(
    reader: &mut Reader<'_>,
    listen: Option<&Listen>,
    top: Option<Top<'_>>,
) -> Option<Vec<User>> {
    let Ok(Value::Sequence(list)) = serde_yaml::from_str::<Value>(reader.text(&LISTEN_USERS))
    else {
        return reader.refuse(&LISTEN_USERS, "is not a list");
    };
    let (listen, top) = (listen?, top?);
    let mut users = Vec::new();
    let mut is_whole = true;
    for (place, value) in list.iter().enumerate() {
        let path = format!("listen.users[{place}]");
        let user = match value {
            Value::Mapping(values) => {
                let form = ("a user", NAMES);
                user(Entry::new(reader, &LISTEN_USERS, path, values, form), top)
            }
            _ => fault(reader, path, "is not a user", "write {name: NAME, password: ${VARIABLE}}"),
        };
        is_whole &= user.is_some();
        users.extend(user);
    }
    if !is_whole {
        return None;
    }
    let before = reader.faults.iter().count();
    check_doors(reader, listen, &users);
    check_names(reader, listen, &users);
    check_namespaces(reader, listen, top.0, &users);
    Some(users).filter(|_| reader.faults.iter().count() == before)
}

fn user(mut entry: Entry<'_, '_, '_>, (namespace, commands): Top<'_>) -> Option<User> {
    let name = name(&mut entry);
    let password_file = entry.strict_text("password_file");
    let password = password(&mut entry, password_file.as_deref());
    let uid = uid(&mut entry);
    let namespace = own_namespace(&mut entry, namespace);
    let commands = commands::of_user(&mut entry, commands);
    let is_whole = entry.is_whole();
    let password_file = password_file.map(PathBuf::from);
    let user = User { name: name?, password, password_file, uid, namespace, commands };
    Some(user).filter(|_| is_whole)
}

fn name(entry: &mut Entry<'_, '_, '_>) -> Option<String> {
    let name = entry.strict_text("name");
    let what = match name.as_deref() {
        None if entry.has("name") => return None,
        None => "is missing",
        Some(DEFAULT) => "is the user that the top level is about",
        Some(name) if name.len() > LONGEST => "is too long",
        Some(name) if !name.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "has a blank, or what is not ASCII"
        }
        Some(_) => return name,
    };
    let mend = format!("give 1 to {LONGEST} printable characters, such as shop");
    entry.fault("name", what, &mend)
}

fn password(entry: &mut Entry<'_, '_, '_>, file: Option<&str>) -> Option<Secret> {
    let password = entry.strict_text("password").map(Secret::new);
    let password = match (password, file) {
        (Some(_), Some(_)) => {
            let what = "is given beside password";
            return entry.fault("password_file", what, "give one of the two");
        }
        (None, Some(file)) => match read_password(Path::new(file)) {
            Ok(secret) => secret,
            Err((what, mend)) => return entry.fault("password_file", &what, mend),
        },
        (password, None) => password?,
    };
    if Password::new(&password).is_none() {
        return entry.fault("password", NO_HASH, GIVE_HASH);
    }
    Some(password)
}

fn uid(entry: &mut Entry<'_, '_, '_>) -> Option<u32> {
    let uid = entry.text("uid")?.parse().ok();
    uid.filter(|uid| *uid != u32::MAX)
        .or_else(|| entry.fault("uid", "is no number of a user", "give what `id -u` prints for it"))
}

fn own_namespace(entry: &mut Entry<'_, '_, '_>, top: &Namespace) -> Namespace {
    let mut own = top.clone();
    if let Some(prefix) = entry.strict_text("namespace") {
        match namespace::fault_of(&prefix) {
            None => own.prefix = Some(prefix),
            Some(what) => entry.fault("namespace", what, &namespace::mend()).unwrap_or_default(),
        }
    }
    if entry.has("namespace_channels") {
        own.channels = entry.switch("namespace_channels");
    }
    if let Some(word) = entry.word("scripts", &["declared", "deny"]) {
        own.allows_scripts = word != "deny";
    }
    own
}

/// What is wrong with a password that is no hash, though it begins as one; and the mend.
pub(super) const NO_HASH: &str = "begins with sha256: and is no SHA-256";
pub(super) const GIVE_HASH: &str = "give sha256: and 64 hexadecimal digits, or another password";

/// A password's file; a line's end behind it is no part of it. Else what is wrong with it, and the mend.
pub(super) fn read_password(file: &Path) -> Result<Secret, (String, &'static str)> {
    let read = std::fs::metadata(file).and_then(|found| match found.len() {
        ..=LONGEST_FILE => std::fs::read_to_string(file),
        _ => Err(std::io::Error::other("it is too long for a password")),
    });
    let shown = quoted(&file.to_string_lossy());
    match read.as_ref().map(|text| text.trim_end_matches(['\r', '\n'])) {
        Ok("") => Err((format!("{shown} is empty"), "write one line")),
        Ok(text) => Ok(Secret::new(text)),
        Err(error) => {
            let what = format!("{shown} can't be read: {error}");
            Err((what, "give a file that this process can read"))
        }
    }
}

/// Everybody must be able to come in by a way of their own.
fn check_doors(reader: &mut Reader<'_>, listen: &Listen, users: &[User]) {
    for (place, user) in users.iter().enumerate() {
        let path = format!("listen.users[{place}]");
        if user.password.is_none() && user.uid.is_none() {
            let mend = "give password, password_file or uid";
            fault::<()>(reader, path.clone(), "has no way to show who it is", mend);
        }
        if user.uid.is_some() && listen.unix_socket.is_none() {
            let what = "is seen on a Unix socket alone, and there is none";
            fault::<()>(reader, format!("{path}.uid"), what, "set listen.unix_socket");
        }
    }
    if users.is_empty() && !listen.default_user {
        let mend = "give listen.users, or set it on";
        reader.fault::<()>(&keys::LISTEN_DEFAULT_USER, "is off, and there is no other user", mend);
    }
}

/// AUTH with a password alone is by the password, so that no two may have the same.
fn check_names(reader: &mut Reader<'_>, listen: &Listen, users: &[User]) {
    let password = |secret: &Option<Secret>| secret.as_ref().and_then(Password::new);
    let mut known = vec![("listen.password".to_owned(), password(&listen.password))];
    for (place, user) in users.iter().enumerate() {
        let path = format!("listen.users[{place}]");
        let twin = |same: &dyn Fn(&User) -> bool| users[..place].iter().position(same);
        if let Some(other) = twin(&|other| other.name == user.name) {
            let what = format!("is the name of listen.users[{other}] too");
            fault::<()>(reader, format!("{path}.name"), &what, "give each its own");
        }
        if let Some(other) = twin(&|other| other.uid.is_some() && other.uid == user.uid) {
            let what = format!("is the uid of listen.users[{other}] too");
            fault::<()>(reader, format!("{path}.uid"), &what, "give each its own");
        }
        let (path, own) = (format!("{path}.password"), password(&user.password));
        let is_same = |other: &Option<Password>| {
            own.as_ref().zip(other.as_ref()).is_some_and(|(own, other)| own.is_same(other))
        };
        if let Some((other, _)) = known.iter().find(|(_, other)| is_same(other)) {
            let what = format!("is {other} too");
            fault::<()>(reader, path.clone(), &what, "give each its own");
        }
        known.push((path, own));
    }
}

fn check_namespaces(reader: &mut Reader<'_>, listen: &Listen, top: &Namespace, users: &[User]) {
    let mut known = vec![("namespace".to_owned(), top.prefix.as_deref())];
    for (place, user) in users.iter().enumerate() {
        known.push((format!("listen.users[{place}].namespace"), user.namespace.prefix.as_deref()));
    }
    for (at, (path, own)) in known.iter().enumerate() {
        for (other, prefix) in &known[..at] {
            let Some((own, prefix)) = own.zip(*prefix) else { continue };
            if own != prefix && (own.starts_with(prefix) || prefix.starts_with(own)) {
                let (long, short) =
                    if own.len() > prefix.len() { (own, prefix) } else { (prefix, own) };
                let what = format!(
                    "and {other} could hold the same keys: {} begins with {}",
                    quoted(long),
                    quoted(short)
                );
                let mend =
                    "give names of which none begins with another, such as \"shop:\" and \"bank:\"";
                fault::<()>(reader, path.clone(), &what, mend);
            }
        }
    }
    warn_of_the_unbound(reader, listen, top, users);
}

/// Who has no namespace reaches the keys of those who have one.
fn warn_of_the_unbound(reader: &mut Reader<'_>, listen: &Listen, top: &Namespace, users: &[User]) {
    if users.iter().all(|user| user.namespace.prefix.is_none()) {
        return;
    }
    for user in users.iter().filter(|user| user.namespace.prefix.is_none()) {
        let name = &user.name;
        let warning = format!("{name} has no namespace, and reaches the keys of all others");
        reader.warn(&LISTEN_USERS, &warning);
    }
    if listen.default_user && listen.password.is_none() {
        let keys = match top.prefix {
            None => ", with the keys of all others",
            Some(_) => "",
        };
        let warning = format!(
            "whoever has not said AUTH is let in as {DEFAULT}{keys}: set listen.password, or this off"
        );
        reader.warn(&keys::LISTEN_DEFAULT_USER, &warning);
    } else if listen.default_user && top.prefix.is_none() {
        let warning = format!("{DEFAULT} has no namespace, and reaches the keys of all others");
        reader.warn(&keys::LISTEN_DEFAULT_USER, &warning);
    }
}

fn fault<T>(reader: &mut Reader<'_>, path: String, what: &str, mend: &str) -> Option<T> {
    let origin = reader.layers.origin(&LISTEN_USERS);
    reader.faults.add(path, origin, what, mend);
    None
}

/// The list as it would be written in one line, passwords masked.
pub(super) fn show(users: &[User]) -> String {
    let users: Vec<String> = users.iter().map(show_one).collect();
    format!("[{}]", users.join(", "))
}

fn show_one(user: &User) -> String {
    let User { name, password, password_file, uid, namespace, commands } = user;
    let mut parts = vec![format!("name: {}", quoted(name))];
    match (password, password_file) {
        (_, Some(file)) => {
            parts.push(format!("password_file: {}", quoted(&file.to_string_lossy())));
        }
        (Some(secret), None) => parts.push(format!("password: \"{secret}\"")),
        (None, None) => {}
    }
    parts.extend(uid.map(|uid| format!("uid: {uid}")));
    parts.extend(namespace.prefix.iter().map(|prefix| format!("namespace: {}", quoted(prefix))));
    parts.push(format!("namespace_channels: {}", if namespace.channels { "on" } else { "off" }));
    parts.push(format!("scripts: {}", if namespace.allows_scripts { "declared" } else { "deny" }));
    parts.push(commands::show_own(commands));
    format!("{{{}}}", parts.join(", "))
}
