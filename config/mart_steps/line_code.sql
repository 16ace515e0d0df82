-- The codes of a claim's lines by vocabulary, whatever the code system is called and wherever among the
-- codings it stands. The first code of a vocabulary counts.
CREATE TEMP TABLE line_code AS
WITH coded AS (
  -- A bare column beside min() comes from the row that has the minimum.
  SELECT k.connection_id, k.explanation_of_benefit_id AS id, k.element_index AS line,
         vocabulary(k.system, k.code) AS vocabulary, k.code AS code, min(k.row_no)
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_coding AS k ON k.connection_id = mart_scope.connection_id
  WHERE k.element = 'item.productOrService' AND k.code IS NOT NULL
  GROUP BY mart_scope.connection_id, k.explanation_of_benefit_id, k.element_index, vocabulary(k.system, k.code)
)
SELECT connection_id, id, line,
       max(CASE vocabulary WHEN 'NDC' THEN code END) AS ndc,
       max(CASE vocabulary WHEN 'RxNorm' THEN code END) AS rxnorm,
       max(CASE vocabulary WHEN 'CPT' THEN code END) AS cpt,
       max(CASE vocabulary WHEN 'HCPCS' THEN code END) AS hcpcs
FROM coded
WHERE vocabulary IN ('NDC', 'RxNorm', 'CPT', 'HCPCS')
GROUP BY connection_id, id, line;
CREATE UNIQUE INDEX temp.line_code_of ON line_code (connection_id, id, line);
