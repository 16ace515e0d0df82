-- Which claim was replaced by which?
--
-- Grain: one row per pair of a claim and a later claim that takes its place, voids it or changes its
-- amounts, direct or through others. Both claims are in the warehouse.
--
-- Payers link an adjusted claim to the original with related: prior and replaces point back,
-- replacedby points forward; replaced (CARIN 0.1.0) leads to the claim created later. Of two claims
-- created at the same time it leads where it leads this payer elsewhere, else to the replacement. Any
-- coding of the relationship counts. Without one, a claim of bill frequency 6, 7, 8 or of an adjustment
-- (F to Q), of an adjustment type that adjusts or voids, or of a negative amount comes after the claim it
-- names. The other claim is found by its id, by the id of the Claim that it explains (a
-- Claim that none explains is the ExplanationOfBenefit of that id), or by its number (that of a contained
-- claim, too): in the same system, and without a system by the number that claim shows; else
-- by a second number, if exactly one other claim has it and the naming claim has another number in the
-- same system. A number leads to a claim of another patient only in the system that both name and if it is
-- unique or a control number. Interim bills and late charges that name an earlier claim add to it. Of several claims with
-- the same unique number the one created last takes the others' place, and so it is with several claims of the
-- same days that replace the same claim, unless their charges come to its charge: then it was split. Blanks around a number and a slash behind its
-- system do not count; a unique or control number without a system is that of the only system in
-- which it is known. Links to itself are ignored, and so are links
-- to claims that are not here and replacements that are drafts or entered in error. Where claims
-- point at each other in a circle, the one created last (then the one with the greatest id) wins.
--
-- Created last is decided by instant, in any time zone. Of a date without a time it is decided by the
-- last update, as far as that day reaches; so it is where the creation is not a date.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim that was replaced
-- replaced_by_id              the claim that takes its place, id in explanation_of_benefit
-- replaced_by_connection_id   the connection that it came through: another one where two consents lead to the same records
-- relationship                replacement, void, difference (only the change was sent) or same number; of a pair
--                             that is not direct, that of its first step
-- is_direct                   1 when the payer states this link itself, 0 when it follows from others
CREATE TABLE claim_lineage (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  replaced_by_id TEXT NOT NULL,
  replaced_by_connection_id INTEGER NOT NULL,
  relationship TEXT NOT NULL,
  is_direct INTEGER NOT NULL,
  PRIMARY KEY (connection_id, explanation_of_benefit_id, replaced_by_connection_id, replaced_by_id)
);
CREATE INDEX claim_lineage_by_newer ON claim_lineage (replaced_by_connection_id, replaced_by_id);
INSERT INTO claim_lineage
SELECT connection_id, older_id, newer_id, newer_connection_id, relationship, is_direct FROM temp.lineage;
