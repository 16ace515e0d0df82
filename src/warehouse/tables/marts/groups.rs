//! Groups of things that are named by position, joined two at a time.

pub(super) struct Groups(Vec<usize>);

impl Groups {
    /// As many groups as things.
    pub(super) fn of(count: usize) -> Groups {
        Groups((0..count).collect())
    }

    /// The first thing of a group.
    pub(super) fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}
