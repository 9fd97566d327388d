//! Members taken away by name, rank, score or order of names.

use super::super::super::failure::Failure;
use super::super::super::keyspace::Edit;
use super::super::super::value::sorted_set::{Entry, SortedSet};
use super::super::{Call, Command};
use super::bounds::{Bounds, By};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "zrem" => zrem,
        "zremrangebyrank" => |call| remove_range(call, By::Rank),
        "zremrangebyscore" => |call| remove_range(call, By::Score),
        "zremrangebylex" => |call| remove_range(call, By::Name),
        _ => return None,
    })
}

fn zrem(call: &mut Call<'_, '_>) -> Result<(), Failure> {
    let members = call.args_from(2);
    let removed = call.change_existing(call.arg(1), |set: &mut SortedSet| {
        let removed = members.filter(|member| set.remove(member)).count();
        Ok(Edit::when(removed > 0, removed))
    })?;
    call.reply_count(removed.unwrap_or(0))
}

fn remove_range(call: &mut Call<'_, '_>, by: By) -> Result<(), Failure> {
    let bounds = Bounds::read(by, call.arg(2), call.arg(3))?;
    let removed = call.change_existing(call.arg(1), |set: &mut SortedSet| {
        let chosen: Vec<Entry> = set.range(bounds.ranks(set, false)).cloned().collect();
        for entry in &chosen {
            set.remove(&entry.member);
        }
        Ok(Edit::when(!chosen.is_empty(), chosen.len()))
    })?;
    call.reply_count(removed.unwrap_or(0))
}
