//! Differences: claims that state only a change of another claim's amount. They fall with that claim.

use super::{
    decide::Table,
    graph::{Edge, Relationship, by_older},
};
use std::collections::HashSet;

impl Table<'_> {
    /// Edges between a difference and the other claims that follow its base, which is the claim that it
    /// changes.
    ///
    /// Claims that were made later than the difference follow the difference, too. A claim that was made
    /// earlier than the difference has already replaced the base, so the difference changes that claim instead.
    pub(super) fn edges_of_differences(&self, edges: &[Edge]) -> Vec<Edge> {
        let claims = self.claims;
        let known: HashSet<(usize, usize)> = edges
            .iter()
            .flat_map(|edge| [(edge.older, edge.newer), (edge.newer, edge.older)])
            .collect();
        let after = by_older(edges);
        let mut found: Vec<Edge> = Vec::new();
        for (&difference, &first) in &self.changes {
            if !claims[difference].is_live || claims[difference].is_cancelled {
                continue;
            }
            let is_later = |at: usize| claims[at].order() > claims[difference].order();
            let after = |base: usize| {
                after.get(&base).into_iter().flatten().filter(move |edge| {
                    edge.newer != difference && edge.relationship != Relationship::Difference
                })
            };
            let mut base = first;
            let mut met = HashSet::from([first]);
            let earlier = |base: usize| {
                let before = after(base).filter(|edge| !is_later(edge.newer));
                let before = before.filter(|edge| edge.relationship != Relationship::Void);
                before
                    .map(|edge| edge.newer)
                    .max_by(|one, other| claims[*one].order().cmp(&claims[*other].order()))
            };
            while let Some(next) = earlier(base).filter(|next| met.insert(*next)) {
                base = next;
            }
            let moved = (base != first).then_some(Edge {
                older: base,
                newer: difference,
                relationship: Relationship::Difference,
                is_direct: false,
            });
            let ended = after(base).filter(|edge| is_later(edge.newer)).map(|edge| Edge {
                older: difference,
                is_direct: false,
                ..*edge
            });
            let new = moved.into_iter().chain(ended);
            found.extend(new.filter(|edge| !known.contains(&(edge.older, edge.newer))));
        }
        found
    }

    /// Marks differences as not current if their base no longer stands.
    pub(super) fn end_differences(&mut self, lineage: &[Edge]) {
        let carried = lineage.iter().filter(|pair| self.made[pair.older].carried_by.is_some());
        let carriers: HashSet<usize> = carried.map(|pair| pair.newer).collect();
        for (at, decision) in self.made.iter_mut().enumerate() {
            decision.is_current &= !decision.is_difference || carriers.contains(&at);
        }
    }
}
