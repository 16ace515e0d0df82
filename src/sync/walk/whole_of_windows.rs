//! What is known of a whole type, and that none of its windows can tell: told once all of them are complete.

use crate::{
    outcome::WalkState,
    sync::{
        decide::{asked::Extent, order::WalkOrder},
        report::WalkReport,
    },
};

/// A type that is walked by windows.
pub(crate) struct Whole {
    resource_type: String,
    /// How much of the type any window can see.
    extent: Extent,
    /// What no search of the type asks for.
    note: Option<String>,
}

impl Whole {
    /// The type of a walk that is made by windows.
    pub(super) fn of(order: &WalkOrder) -> Whole {
        Whole {
            resource_type: order.resource_type.clone(),
            extent: order.extent.clone(),
            note: order.note.clone(),
        }
    }
}

/// Ends each type whose windows are all complete as a walk over the whole type would end: with the gap that
/// the consent leaves, if there is one, and with what is noted of the type.
///
/// The ledger's entries of the windows stay as they are, since each window is complete.
pub(crate) fn tell_of_wholes(wholes: &[Whole], walks: &mut [WalkReport]) {
    for Whole { resource_type, extent, note } in wholes {
        let is_complete = |walk: &&mut WalkReport| {
            walk.resource_type == *resource_type && walk.finish.state == WalkState::Complete
        };
        if let Some(walk) = walks.iter_mut().find(is_complete) {
            let notes: Vec<String> =
                note.iter().cloned().chain(walk.finish.warning.take()).collect();
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            // The search by date was probed, and has brought something.
            walk.finish = extent.complete(note, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outcome::Reason,
        warehouse::{WalkCounters, WalkFinish},
    };

    #[test]
    fn complete_windows_of_a_type_tell_what_they_cannot_see_of_it() {
        let end = |gap: Option<WalkFinish>, note: Option<&str>, finish: WalkFinish| {
            let extent = Extent { gap: gap.map(Box::new), ..Extent::default() };
            let (resource_type, note) = ("Goal".to_owned(), note.map(str::to_owned));
            let whole = Whole { resource_type: resource_type.clone(), extent, note };
            let counters = WalkCounters::default();
            let mut walks = [WalkReport { resource_type, finish, counters }];
            tell_of_wholes(&[whole], &mut walks);
            walks[0].finish.clone()
        };
        let complete = |note: Option<&str>| WalkFinish::complete(note.map(str::to_owned));
        let gap = WalkFinish::incomplete(Reason::NotGranted, "a part is hidden".to_owned());
        let open = WalkFinish::incomplete(Reason::Timeout, String::new());
        assert_eq!(end(None, None, complete(None)), complete(None));
        let told = complete(Some("by a alone; all windows"));
        assert_eq!(end(None, Some("by a alone"), complete(Some("all windows"))), told);
        assert_eq!(end(Some(gap.clone()), None, complete(None)), gap);
        assert_eq!(end(Some(gap), None, open.clone()), open);
    }
}
