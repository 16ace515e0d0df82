-- What the diagnoses of claims are, by all of their types. One that is nothing but the reason for an admission or for
-- a visit (UB-04, form locators 69 and 70) may have been ruled out since: it is no diagnosis that a claim was paid for.
CREATE TEMP TABLE diagnosis_role AS
SELECT connection_id, id, row_no, max(role = 'principal') AS is_principal,
       min(role IN ('admitting', 'patientreasonforvisit')) AS is_reason
FROM (
  SELECT d.connection_id, d.explanation_of_benefit_id AS id, d.row_no, lower(coalesce(d.type_code, d.type_text)) AS role
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_diagnosis AS d ON d.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT d.connection_id, d.explanation_of_benefit_id, d.row_no, lower(d.second_type_code)
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_diagnosis AS d ON d.connection_id = mart_scope.connection_id
  UNION ALL
  SELECT d.connection_id, d.explanation_of_benefit_id, d.row_no, lower(k.code)
  FROM temp.mart_scope CROSS JOIN explanation_of_benefit_coding AS k
    ON k.connection_id = mart_scope.connection_id AND k.element = 'diagnosis.type'
  CROSS JOIN explanation_of_benefit_diagnosis AS d
    ON d.connection_id = k.connection_id AND d.explanation_of_benefit_id = k.explanation_of_benefit_id
   AND d.diagnosis_index = k.element_index
)
WHERE role IS NOT NULL
GROUP BY connection_id, id, row_no;
CREATE UNIQUE INDEX temp.diagnosis_role_of ON diagnosis_role (connection_id, id, row_no);
