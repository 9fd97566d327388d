//! Who a client may be: the user `default`, of which the configuration's top level speaks, and those of
//! `listen.users`. Each has what it must say and what it may do. Which passwords are taken is known here alone; how a
//! client comes to say one is the session's.

use super::rules::Rules;
use super::{App, Own};
use crate::config::{self, Digest, Password};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

/// The user that a client is who has said nothing.
pub const DEFAULT: &str = "default";

/// [`DEFAULT`], which is the name of most clients: once for all of them.
#[must_use]
pub fn default_user() -> Arc<str> {
    static NAME: LazyLock<Arc<str>> = LazyLock::new(|| DEFAULT.into());
    Arc::clone(&NAME)
}

/// One user.
#[derive(Debug)]
pub struct User {
    name: Arc<str>,
    /// What it must say; without one `default` is let in at once, and others are known by their uid alone.
    password: Option<Password>,
    uid: Option<u32>,
    app: Option<Arc<App>>,
}

/// All of them.
#[derive(Debug)]
pub struct Users {
    default: Option<Arc<User>>,
    named: Vec<Arc<User>>,
}

/// Why a client is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKnown {
    /// No such user, or not its password.
    Wrong,
    /// AUTH with a password alone, where none is asked.
    NoneAsked,
}

impl Users {
    /// As they were configured. `epoch` is any time before the first command.
    #[must_use]
    pub fn new(config: &config::Config, epoch: Instant) -> Self {
        let (listen, is_audited) = (&config.listen, config.audit);
        let rules = Rules::new(&config.rules, config.default_access, DEFAULT, epoch);
        let top = Own::top(config);
        let default = listen.default_user.then(|| {
            Arc::new(User {
                name: DEFAULT.into(),
                password: listen.password.as_ref().and_then(Password::new),
                uid: None,
                app: App::of(&top, &rules, is_audited),
            })
        });
        let named = listen.users.iter().map(|user| {
            let (namespace, commands) = (&user.namespace, &user.commands);
            let own = Own { name: &user.name, namespace, commands };
            Arc::new(User {
                name: user.name.as_str().into(),
                password: user.password.as_ref().and_then(Password::new),
                uid: user.uid,
                app: App::of(&own, &rules, is_audited),
            })
        });
        Self { default, named: named.collect() }
    }

    /// The same with the passwords of another configuration. A user that it does not know is let in no more.
    #[must_use]
    pub fn with_passwords(&self, listen: &config::Listen) -> Self {
        let renewed = |user: &Arc<User>, password: Option<&config::Secret>| {
            Arc::new(User {
                name: Arc::clone(&user.name),
                password: password.and_then(Password::new),
                uid: user.uid,
                app: user.app.clone(),
            })
        };
        let default = self.default.as_ref();
        let named = self.named.iter().filter_map(|user| {
            let newer = listen.users.iter().find(|newer| *newer.name == *user.name)?;
            Some(renewed(user, newer.password.as_ref()))
        });
        Self {
            default: default.map(|user| renewed(user, listen.password.as_ref())),
            named: named.collect(),
        }
    }

    /// Who a client is before it has said anything, by the system's user behind its Unix socket; `None` where it must
    /// say first.
    #[must_use]
    pub fn first(&self, uid: Option<u32>) -> Option<&Arc<User>> {
        let by_uid = uid.and_then(|uid| self.named.iter().find(|user| user.uid == Some(uid)));
        by_uid.or_else(|| self.default.as_ref().filter(|user| user.password.is_none()))
    }

    /// Who says this. Takes as long whether there is such a user or not.
    ///
    /// # Errors
    /// Where it is nobody.
    pub fn find(&self, name: Option<&[u8]>, password: &[u8]) -> Result<&Arc<User>, NotKnown> {
        let (offered, mut found) = (Digest::of(password), None);
        for user in self.all() {
            let is_password = match &user.password {
                Some(own) => own.is_matched_by(&offered),
                // As in Redis, where no password is asked any is right; but it must be asked by name.
                None => name.is_some() && *user.name == *DEFAULT,
            };
            let is_name = name.is_none_or(|name| name == user.name.as_bytes());
            if is_password & is_name {
                found = Some(user);
            }
        }
        let asks_nothing = self.default.as_ref().is_some_and(|user| user.password.is_none());
        match found {
            Some(user) => Ok(user),
            None if name.is_none() && asks_nothing && self.named.is_empty() => {
                Err(NotKnown::NoneAsked)
            }
            None => Err(NotKnown::Wrong),
        }
    }

    /// Whether there are others than `default`.
    #[must_use]
    pub fn are_several(&self) -> bool {
        !self.named.is_empty()
    }

    /// Whether there is a user of this name.
    #[must_use]
    pub fn has(&self, name: &[u8]) -> bool {
        self.all().any(|user| user.name.as_bytes() == name)
    }

    /// All rules that may refuse any of them, as the metric says them.
    #[must_use]
    pub fn labels(&self) -> BTreeSet<String> {
        self.all().filter_map(|user| user.app()).flat_map(|app| app.labels()).collect()
    }

    /// Each of them, `default` first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<User>> {
        self.default.iter().chain(&self.named)
    }
}

impl User {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it may do; `None` is all.
    #[must_use]
    pub fn app(&self) -> Option<&Arc<App>> {
        self.app.as_ref()
    }

    /// The same as what a client has to say: nothing, or a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{NotKnown, Users};
    use crate::config::{Config, Namespace, Secret, Sources, User};
    use std::sync::Arc;
    use std::time::Instant;

    fn named(name: &str, password: Option<&str>, uid: Option<u32>) -> User {
        User {
            name: name.to_owned(),
            password: password.map(Secret::new),
            password_file: None,
            uid,
            namespace: Namespace {
                prefix: Some(format!("{name}:")),
                channels: true,
                allows_scripts: true,
            },
            commands: Config::load(&Sources::default()).unwrap().commands,
        }
    }

    fn config(password: Option<&str>, default_user: bool, users: Vec<User>) -> Config {
        let mut config = Config::load(&Sources::default()).unwrap();
        config.listen.password = password.map(Secret::new);
        config.listen.default_user = default_user;
        config.listen.users = users;
        config
    }

    fn users(password: Option<&str>, default_user: bool, users: Vec<User>) -> Users {
        Users::new(&config(password, default_user, users), Instant::now())
    }

    fn name(users: &Users, name: Option<&str>, password: &str) -> Result<String, NotKnown> {
        let found = users.find(name.map(str::as_bytes), password.as_bytes());
        found.map(|user| user.name().to_string())
    }

    #[test]
    fn each_is_known_by_its_name_and_password_and_by_the_password_alone() {
        let list = vec![named("shop", Some("s"), None), named("bank", Some("b"), Some(7))];
        let users = users(Some("top"), true, list);
        for (who, password, expected) in [
            (Some("shop"), "s", Ok("shop")),
            (Some("bank"), "b", Ok("bank")),
            (Some("default"), "top", Ok("default")),
            (None, "top", Ok("default")),
            (None, "s", Ok("shop")),
            (None, "b", Ok("bank")),
            (Some("shop"), "b", Err(NotKnown::Wrong)),
            (Some("shop"), "", Err(NotKnown::Wrong)),
            (Some("nobody"), "s", Err(NotKnown::Wrong)),
            (Some(""), "s", Err(NotKnown::Wrong)),
            (None, "x", Err(NotKnown::Wrong)),
        ] {
            assert_eq!(name(&users, who, password), expected.map(str::to_owned), "{who:?}");
        }
        assert!(users.first(None).is_none() && users.first(Some(8)).is_none());
        assert_eq!(&**users.first(Some(7)).unwrap().name(), "bank");
    }

    #[test]
    fn default_is_let_in_unless_it_is_off_or_has_a_password() {
        let open = users(None, true, Vec::new());
        assert_eq!(name(&open, Some("default"), "any"), Ok("default".to_owned()));
        assert_eq!(name(&open, None, "any"), Err(NotKnown::NoneAsked));
        assert!(open.first(None).is_some() && !open.are_several());
        let list = vec![named("shop", Some("s"), None)];
        let off = users(None, false, list.clone());
        assert_eq!(name(&off, Some("default"), "any"), Err(NotKnown::Wrong));
        assert_eq!(name(&off, None, "any"), Err(NotKnown::Wrong));
        assert!(off.first(None).is_none() && !off.has(b"default") && off.has(b"shop"));
        let both = users(None, true, list);
        assert_eq!(name(&both, None, "any"), Err(NotKnown::Wrong));
        assert_eq!(name(&both, None, "s"), Ok("shop".to_owned()));
        assert!(both.first(None).is_some());
    }

    #[test]
    fn a_user_that_is_known_by_uid_alone_has_no_password_to_guess() {
        let users = users(None, false, vec![named("shop", None, Some(7))]);
        for password in ["", "shop", "7"] {
            assert_eq!(name(&users, Some("shop"), password), Err(NotKnown::Wrong));
            assert_eq!(name(&users, None, password), Err(NotKnown::Wrong));
        }
        assert!(users.first(Some(7)).is_some());
    }

    #[test]
    fn passwords_change_users_go_and_nothing_else_is_taken() {
        let list = ["shop", "bank", "news"].map(|name| named(name, Some(name), None));
        let before = users(Some("top"), true, list.to_vec());
        let newer = vec![
            named("shop", Some("s2"), Some(9)),
            named("news", None, Some(8)),
            named("mine", Some("m"), None),
        ];
        let after = before.with_passwords(&config(None, true, newer).listen);
        assert_eq!(name(&after, Some("shop"), "s2"), Ok("shop".to_owned()));
        for (gone, password) in [("shop", "shop"), ("bank", "bank"), ("mine", "m"), ("news", "")] {
            assert_eq!(name(&after, Some(gone), password), Err(NotKnown::Wrong), "{gone}");
        }
        for uid in [None, Some(8), Some(9)] {
            assert_eq!(&**after.first(uid).unwrap().name(), "default");
        }
        let app = |users: &Users, password: &[u8]| {
            users.find(Some(b"shop"), password).unwrap().app().cloned().unwrap()
        };
        assert!(Arc::ptr_eq(&app(&before, b"shop"), &app(&after, b"s2")));
    }
}
