//! Groups of things that are numbered by position; any two groups can be joined (union-find).

pub(super) struct Groups(Vec<usize>);

impl Groups {
    /// Starts with one group per thing.
    pub(super) fn of(count: usize) -> Groups {
        Groups((0..count).collect())
    }

    /// The thing that represents a group.
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
