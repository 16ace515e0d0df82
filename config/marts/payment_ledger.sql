-- How much money moved, reversals included, so that a plain sum is right?
--
-- Grain: one row per entry. Each claim with a payment gives one entry. A payment that no longer
-- stands, because its claim was cancelled, replaced or voided, gives a second entry that takes it
-- back, unless the payer sent a reversal of the same amount: one reversal takes one payment back.
-- A reversal whose payment is not here gives a second entry as well, so that both come to nothing.
-- Sum amount per claim number, member or month and the reversals net out; the sum of all entries is
-- that of claim_current.
--
-- Caveats: a payer that sends only the difference in an adjusted claim is understood when the
-- difference is negative; a positive difference looks like a replacement. Drafts, claims entered in
-- error, claims in mixed currencies and amounts without cents (ten trillion and more) are left out.
--
-- connection_id               whose consent the row came through
-- explanation_of_benefit_id   the claim of the entry
-- kind                        payment, reversal (the payer sent a negative amount), implied reversal or implied
--                             payment (what a reversal took back, that is not here)
-- member_id                   the person, id in member
-- claim_number                number of the claim
-- claim_key                   the claim over all its versions
-- patient_id                  the member, id in patient
-- entry_sent                  date of the payment, else of the explanation, as sent; of an implied reversal,
--                             that of the replacing claim, else of the claim itself
-- entry_date                  the same as a date
-- amount                      what the plan paid; negative when taken back
-- amount_cents                the same in cents
-- currency                    currency of the amount
-- provider_name               who is paid
-- claim_status                status of the claim
-- replaced_by_id              the claim that made the reversal necessary, id in explanation_of_benefit
-- replaced_by_connection_id   the connection that it came through
CREATE TABLE payment_ledger (
  connection_id INTEGER NOT NULL,
  explanation_of_benefit_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  member_id TEXT,
  claim_number TEXT,
  claim_key TEXT,
  patient_id TEXT,
  entry_sent TEXT,
  entry_date TEXT,
  amount REAL NOT NULL,
  amount_cents INTEGER NOT NULL,
  currency TEXT,
  provider_name TEXT,
  claim_status TEXT,
  replaced_by_id TEXT,
  replaced_by_connection_id INTEGER,
  PRIMARY KEY (connection_id, explanation_of_benefit_id, kind)
);
CREATE INDEX payment_ledger_by_member ON payment_ledger (member_id, entry_date);
CREATE INDEX payment_ledger_by_key ON payment_ledger (connection_id, claim_key);
INSERT INTO payment_ledger
WITH paid AS (
  SELECT c.* FROM temp.mart_scope CROSS JOIN claim AS c ON c.connection_id = mart_scope.connection_id
  WHERE c.plan_paid_cents IS NOT NULL AND coalesce(c.status, 'active') NOT IN ('draft', 'entered-in-error')
)
SELECT connection_id, explanation_of_benefit_id,
       CASE WHEN plan_paid_amount < 0 THEN 'reversal' ELSE 'payment' END,
       member_id, claim_number, claim_key, patient_id,
       coalesce(payment_sent, created), first_day(coalesce(payment_sent, created)),
       plan_paid_amount, plan_paid_cents, currency, provider_name, status, NULL, NULL
FROM paid
UNION ALL
SELECT p.connection_id, p.explanation_of_benefit_id,
       CASE WHEN p.plan_paid_amount < 0 THEN 'implied payment' ELSE 'implied reversal' END,
       p.member_id, p.claim_number, p.claim_key, p.patient_id,
       coalesce(n.created, p.payment_sent, p.created), first_day(coalesce(n.created, p.payment_sent, p.created)),
       -p.plan_paid_amount, -p.plan_paid_cents, p.currency, p.provider_name, p.status,
       n.explanation_of_benefit_id, n.connection_id
FROM paid AS p
LEFT JOIN claim AS n
  ON n.connection_id = p.replaced_by_connection_id AND n.explanation_of_benefit_id = p.replaced_by_id
WHERE p.plan_paid_cents <> 0 AND NOT p.is_current
  AND p.reversed_by_id IS NULL AND p.reverses_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM temp.carried AS k
    WHERE k.connection_id = p.connection_id AND k.claim_id = p.explanation_of_benefit_id);
