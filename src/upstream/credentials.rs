//! Who we are towards the upstream. A source, not a string: it is asked anew for every connection, so
//! that a rotated password file takes effect without a restart.

use super::error::ConnectError;
use crate::config::{self, Secret};
use std::path::PathBuf;

/// Where user name and password come from.
pub struct Credentials {
    username: Option<String>,
    password: Password,
}

enum Password {
    None,
    Fixed(Secret),
    File(PathBuf),
}

/// What one connection is to say. Never logged.
pub struct Identity {
    /// `default` where only a password is known.
    pub username: String,
    /// The password in plain text.
    pub password: Secret,
}

impl Credentials {
    /// A source from the configuration; a password file wins over a fixed password.
    #[must_use]
    pub fn new(auth: &config::Auth) -> Self {
        let password = match (&auth.password_file, &auth.password) {
            (Some(path), _) => Password::File(path.clone()),
            (None, Some(secret)) => Password::Fixed(secret.clone()),
            (None, None) => Password::None,
        };
        Self { username: auth.username.clone(), password }
    }

    /// What to say on a new connection; `None` where the upstream asks for nothing.
    ///
    /// # Errors
    /// [`ConnectError::Credentials`] when the file cannot be read.
    pub async fn identity(&self) -> Result<Option<Identity>, ConnectError> {
        let password = match &self.password {
            Password::None => return Ok(None),
            Password::Fixed(secret) => secret.clone(),
            Password::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || {
                    std::fs::read_to_string(&path)
                        .map_err(|error| format!("{}: {error}", path.display()))
                });
                let text = read
                    .await
                    .map_err(|error| error.to_string())
                    .and_then(|text| text)
                    .map_err(|reason| ConnectError::Credentials { reason })?;
                Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        let username = self.username.clone().unwrap_or_else(|| "default".to_owned());
        Ok(Some(Identity { username, password }))
    }
}
