-- The amounts of claims. src/warehouse/tables/marts/amounts fills all of these tables but the first, and says how
-- payers name the kinds of amounts and which amount counts.
--
-- The line of revenue center 0001 states the total of a bill's other lines: it is no line to add to them.
CREATE TEMP TABLE total_line AS
SELECT i.connection_id, i.explanation_of_benefit_id AS id, i.item_index AS line
FROM temp.mart_scope CROSS JOIN explanation_of_benefit_item AS i ON i.connection_id = mart_scope.connection_id
WHERE ltrim(i.revenue_code, '0') = '1'
  AND EXISTS (SELECT 1 FROM explanation_of_benefit_item AS o
    WHERE o.connection_id = i.connection_id AND o.explanation_of_benefit_id = i.explanation_of_benefit_id
      AND coalesce(ltrim(o.revenue_code, '0'), '') <> '1');
CREATE UNIQUE INDEX temp.total_line_of ON total_line (connection_id, id, line);

-- Amounts of the lines of a claim and of their parts; only of claims that have amounts on parts of lines. Depth is 1 of
-- the line itself, 2 of a detail, more of a sub-detail. A net is the amount of a line without a category.
CREATE TEMP TABLE stated_amount (
  connection_id INTEGER, id TEXT, level TEXT, line INTEGER, part INTEGER, depth INTEGER, kind TEXT, amount REAL,
  is_net INTEGER
);

-- Each kind of amount of a claim: what the header states, what its lines come to, and which counts.
CREATE TEMP TABLE claim_amount (
  connection_id INTEGER, id TEXT, kind TEXT, total_amount REAL, adjudicated_amount REAL, header_amount REAL,
  line_amount REAL, amount REAL, PRIMARY KEY (connection_id, id, kind)
) WITHOUT ROWID;

-- The same with a column per kind.
CREATE TEMP TABLE claim_money (
  connection_id INTEGER, id TEXT,
  currency TEXT, is_mixed INTEGER, submitted REAL, allowed REAL, noncovered REAL, discount REAL, deductible REAL,
  copay REAL, coinsurance REAL, member_liability REAL, paid_by_patient REAL, prior_payer_paid REAL,
  paid_to_provider REAL, paid_to_patient REAL, benefit REAL, drug_cost REAL, tax REAL,
  plan_paid REAL, lines_plan_paid REAL, member_cost_share REAL,
  PRIMARY KEY (connection_id, id)
) WITHOUT ROWID;

-- The same for each line.
CREATE TEMP TABLE line_money (
  connection_id INTEGER, id TEXT, level TEXT, line INTEGER,
  currency TEXT, is_mixed INTEGER, submitted REAL, allowed REAL, noncovered REAL, discount REAL, deductible REAL,
  copay REAL, coinsurance REAL, member_liability REAL, paid_by_patient REAL, prior_payer_paid REAL,
  paid_to_provider REAL, paid_to_patient REAL, benefit REAL, drug_cost REAL, tax REAL, plan_paid REAL,
  PRIMARY KEY (connection_id, id, level, line)
) WITHOUT ROWID;
