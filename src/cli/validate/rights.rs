//! What our user may do, without doing it: commands are queued in a MULTI that is discarded, since Redis checks
//! rights when it queues. Where MULTI is forbidden, ACL DRYRUN says it; where that is too, the checks below do.

use super::Trial;
use super::report::Verdict;
use crate::cli::script::{Trouble, flat};
use crate::wire::reply::Reply;

/// What apps need, each in a form that could be run.
const NEEDED: &[&str] = &[
    "GET @r",
    "SET @r 1",
    "DEL @r",
    "UNLINK @r",
    "EXISTS @r",
    "MGET @r",
    "EXPIRE @r 9",
    "TTL @r",
    "INCR @r",
    "HSET @r f 1",
    "HGETALL @r",
    "LPUSH @r 1",
    "RPOP @r",
    "BLPOP @r 1",
    "SADD @r 1",
    "SMEMBERS @r",
    "ZADD @r 1 m",
    "ZRANGE @r 0 1",
    "XADD @r * f v",
    "XREAD STREAMS @r 0",
    "PFADD @r e",
    "SETBIT @r 0 1",
    "SCAN 0",
    "PUBLISH @r m",
    "EVAL return 0",
    "EVALSHA 0 0",
    "INFO",
    "PING",
];

impl Trial<'_, '_> {
    pub(super) async fn rights(&mut self) -> Result<Verdict, Trouble> {
        let link = self.player.link(0).await?;
        // A server without ACL does not know it; the configured name is the best guess then.
        if let Some(user) = link.call(&["ACL", "WHOAMI"]).await?.as_str() {
            self.at.user = user.to_owned();
        }
        let commands = self.needed();
        let mut denied = match self.queued(&commands).await? {
            Some(denied) => denied,
            None => match self.dry_run(&commands).await? {
                Some(denied) => [vec!["multi".to_owned()], denied].concat(),
                None => {
                    let why = "neither MULTI nor ACL DRYRUN is allowed: the checks below show it";
                    return Ok(Verdict::Skipped(why.to_owned()));
                }
            },
        };
        denied.dedup();
        let user = self.at.user.clone();
        let rules = self.rules().await?;
        if denied.is_empty() {
            return Ok(Verdict::Passed(format!("{user} may run all of {}{rules}", commands.len())));
        }
        let grants: Vec<String> = denied.iter().map(|name| format!("+{name}")).collect();
        Ok(Verdict::warned(
            format!(
                "{user} may not run {} of {}: {}{rules}",
                denied.len(),
                commands.len(),
                denied.join(" ")
            ),
            format!("ACL SETUSER {user} {}, as far as apps need it", grants.join(" ")),
        ))
    }

    fn needed(&mut self) -> Vec<Vec<String>> {
        let key = self.player.keys.name("rights");
        let mut commands = Vec::new();
        for line in NEEDED {
            let mut words: Vec<String> = Vec::new();
            for word in line.split(' ') {
                words.push(if word == "@r" { key.clone() } else { word.to_owned() });
            }
            // A script is one word, and its count of keys another.
            if words.first().is_some_and(|name| name == "EVAL") {
                words = ["EVAL", "return 0", "0"].map(str::to_owned).to_vec();
            }
            commands.push(words);
        }
        commands
    }

    /// Those that are refused when they are queued; `None` where MULTI itself is.
    async fn queued(&mut self, commands: &[Vec<String>]) -> Result<Option<Vec<String>>, Trouble> {
        let link = self.player.link(0).await?;
        if !matches!(link.call(&["MULTI"]).await?, Reply::Simple(_)) {
            return Ok(None);
        }
        link.send(commands).await?;
        let mut denied = Vec::new();
        for words in commands {
            if let Reply::Error(text) = link.read().await?
                && text.starts_with("NOPERM")
                && !text.contains(" key")
                && !text.contains("channel")
            {
                denied.extend(words.first().map(|name| name.to_ascii_lowercase()));
            }
        }
        link.call(&["DISCARD"]).await?;
        Ok(Some(denied))
    }

    async fn dry_run(&mut self, commands: &[Vec<String>]) -> Result<Option<Vec<String>>, Trouble> {
        let user = self.at.user.clone();
        let link = self.player.link(0).await?;
        let mut denied = Vec::new();
        for words in commands {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            match link.call(&[&["ACL", "DRYRUN", user.as_str()], words.as_slice()].concat()).await?
            {
                Reply::Error(_) => return Ok(None),
                Reply::Bulk(text) if String::from_utf8_lossy(&text).contains("to run the") => {
                    denied.extend(words.first().map(|name| name.to_ascii_lowercase()));
                }
                _ => {}
            }
        }
        Ok(Some(denied))
    }

    /// The user's rules, where it may see them. The reply holds hashes of passwords too: they are not looked at.
    async fn rules(&mut self) -> Result<String, Trouble> {
        let user = self.at.user.clone();
        let reply = self.player.link(0).await?.call(&["ACL", "GETUSER", &user]).await?;
        let rule = |name| {
            reply.field(name).map(|value| flat(value).join(" ")).filter(|text| !text.is_empty())
        };
        let rules: Vec<String> =
            ["commands", "keys", "channels"].into_iter().filter_map(rule).collect();
        if rules.is_empty() { Ok(String::new()) } else { Ok(format!(" ({})", rules.join(", "))) }
    }
}
