//! Client-side caching: CLIENT TRACKING and what belongs to it. A client that tracks holds a connection of
//! its own, since the upstream remembers per connection who has read what.
//!
//! A RESP2 client has invalidations sent to another client's subscription (REDIRECT). Those clients' ids are
//! ours, so the upstream is told the hub's: the hub hears the invalidations, and hands them to all
//! subscribers of `__redis__:invalidate`. Some may hear of keys that they never read; none misses any.

use super::context::Backend;
use super::dedicated::number;
use super::state::Tracking;
use super::{End, Session, Socket};
use crate::policy::Shape;
use crate::wire::encode;

impl<S: Socket> Session<S> {
    pub(super) async fn tracking(&mut self, args: &[&[u8]]) -> Result<(), End> {
        let mut wish = read(args);
        let mut words: Vec<&[u8]> = vec![b"CLIENT", b"TRACKING"];
        words.extend(args);
        let redirect = wish.redirect.filter(|_| self.upstream().is_some());
        let hub_id;
        if let Some((place, id)) = redirect {
            let Some(upstream_id) = self.redirect_to_hub(id, &mut wish.tracking) else {
                let text = "ERR The client ID you want redirect to does not exist";
                self.answer(|out| encode::error(out, text));
                return Ok(());
            };
            hub_id = upstream_id.to_string();
            words[place + 2] = hub_id.as_bytes();
        }
        let is_on = args[0].eq_ignore_ascii_case(b"on");
        let prefixes = self.namespace().map(|own| own.tracked(&args[1..])).unwrap_or_default();
        put_prefixes(&mut words, &prefixes);
        self.state.shape = self.namespace().map_or(Shape::None, |_| Shape::Errors);
        let is_done = self.change_connection(&words).await?;
        if is_done {
            if let Some(held) = self.held.as_ref().filter(|_| is_on) {
                // Redis remembers by connection who has read what, for whoever has it next.
                held.lane().spend();
            }
            self.state.tracking = is_on.then(|| {
                // A second ON adds prefixes; everything else it repeats.
                let mut tracking = Box::new(wish.tracking);
                if let Some(before) = self.state.tracking.take() {
                    tracking.prefixes.splice(0..0, before.prefixes);
                    tracking.prefixes.dedup();
                }
                if tracking.flags.contains(&"bcast") && tracking.prefixes.is_empty() {
                    // All keys begin with nothing.
                    tracking.prefixes.push(Vec::new());
                }
                tracking
            });
        }
        self.keep_or_give_back();
        Ok(())
    }

    /// The hub's upstream id, if `id` is a client of ours. Where nobody has subscribed yet, the hub has no
    /// connection, and the client is to subscribe first, as the documentation of CLIENT TRACKING has it.
    fn redirect_to_hub(&self, id: u64, tracking: &mut Tracking) -> Option<i64> {
        self.fellow(id)?;
        let Backend::Cloud(cloud) = &self.context.backend else { return None };
        tracking.redirect = Some(id);
        tracking.epoch = cloud.hub.epoch();
        Some(cloud.hub.upstream_id()).filter(|id| *id > 0)
    }

    /// Whether the connection that invalidations were redirected to is gone: the client can't trust its
    /// cache, and must begin anew.
    pub(super) fn has_lost_redirection(&self) -> bool {
        let Some(tracking) = &self.state.tracking else { return false };
        let Backend::Cloud(cloud) = &self.context.backend else { return false };
        tracking.redirect.is_some() && tracking.epoch != cloud.hub.epoch()
    }

    pub(super) async fn caching(&mut self, args: &[&[u8]]) -> Result<(), End> {
        if self.state.tracking.is_none() {
            let text = "ERR CLIENT CACHING can be called only when the client is in tracking mode with \
                        OPTIN or OPTOUT mode enabled";
            self.answer(|out| encode::error(out, text));
            return Ok(());
        }
        if self.change_connection(&[b"CLIENT", b"CACHING", args[0]]).await?
            && let Some(tracking) = &mut self.state.tracking
        {
            tracking.caching = Some(args[0].eq_ignore_ascii_case(b"yes"));
        }
        Ok(())
    }

    pub(super) async fn no_touch(&mut self, args: &[&[u8]]) -> Result<(), End> {
        if self.change_connection(&[b"CLIENT", b"NO-TOUCH", args[0]]).await? {
            self.state.no_touch = args[0].eq_ignore_ascii_case(b"on");
        }
        self.keep_or_give_back();
        Ok(())
    }

    pub(super) fn redirection(&mut self) {
        let id = match &self.state.tracking {
            None => -1,
            Some(tracking) => tracking.redirect.map_or(0, |id| i64::try_from(id).unwrap_or(0)),
        };
        self.answer(|out| encode::integer(out, id));
    }

    pub(super) fn tracking_info(&mut self) {
        let protocol = self.state.protocol;
        let tracking = self.state.tracking.as_deref().cloned();
        let redirect = match &tracking {
            None => -1,
            Some(tracking) => tracking.redirect.map_or(0, |id| i64::try_from(id).unwrap_or(0)),
        };
        let mut flags = vec![if tracking.is_some() { "on" } else { "off" }];
        let tracking = tracking.unwrap_or_default();
        for flag in ["bcast", "optin", "optout", "noloop"] {
            let is_set = tracking.flags.contains(&flag);
            flags.extend(is_set.then_some(flag));
            match (flag, tracking.caching) {
                ("optin", Some(true)) => flags.push("caching-yes"),
                ("optout", Some(false)) => flags.push("caching-no"),
                _ => {}
            }
        }
        self.answer(|out| {
            encode::map_header(out, protocol, 3);
            encode::bulk(out, b"flags");
            encode::set_header(out, protocol, flags.len());
            for flag in flags {
                encode::bulk(out, flag.as_bytes());
            }
            encode::bulk(out, b"redirect");
            encode::integer(out, redirect);
            encode::bulk(out, b"prefixes");
            encode::array_header(out, tracking.prefixes.len());
            for prefix in &tracking.prefixes {
                encode::bulk(out, prefix);
            }
        });
    }
}

/// Puts the prefixes in the places of those that the client gave, and behind all where it gave none.
fn put_prefixes<'w>(words: &mut Vec<&'w [u8]>, prefixes: &'w [(Option<usize>, Vec<u8>)]) {
    for (place, prefix) in prefixes {
        match place {
            Some(place) => words[place + 3] = prefix,
            None => words.extend([b"PREFIX".as_slice(), prefix]),
        }
    }
}

/// CLIENT TRACKING as far as we must understand it; the upstream checks the rest.
struct Wish {
    tracking: Tracking,
    /// Where the id stands, and which.
    redirect: Option<(usize, u64)>,
}

fn read(args: &[&[u8]]) -> Wish {
    let mut wish = Wish { tracking: Tracking::default(), redirect: None };
    let mut at = 1;
    while let Some(word) = args.get(at) {
        match word.to_ascii_lowercase().as_slice() {
            b"redirect" => {
                at += 1;
                wish.redirect = args.get(at).and_then(|id| Some((at, number(id)?)));
            }
            b"prefix" => {
                at += 1;
                wish.tracking.prefixes.extend(args.get(at).map(|prefix| prefix.to_vec()));
            }
            b"bcast" => wish.tracking.flags.push("bcast"),
            b"optin" => wish.tracking.flags.push("optin"),
            b"optout" => wish.tracking.flags.push("optout"),
            b"noloop" => wish.tracking.flags.push("noloop"),
            _ => {}
        }
        at += 1;
    }
    wish
}
