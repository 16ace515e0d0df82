-- What do resources say that are sent inside another one?
--
-- Grain: one row per contained resource, of every type, under one connection. It has no id of its
-- own at the sender: references of the outer resource point to it by # and its local id, and the
-- columns of references keep that as it is. Each type's own table, such as
-- explanation_of_benefit_contained, has more columns.
--
-- connection_id           whose consent the row came through
-- resource_type           type of the outer resource
-- resource_id             id of the outer resource
-- contained_type          type of the contained resource
-- contained_id            its local id
-- reference               how the outer resource refers to it: # and the local id
-- status                  status, where it has one
-- name                    name of a person, an organization, a place or a plan
-- npi                     National Provider Identifier, where sent
-- tax_id                  federal tax number, where sent
-- identifier_value        first identifier
-- identifier_system       its system
-- code                    what it is: code, drug, wish, specialty, qualification, relationship or type, whichever the type has
-- code_system             its code system
-- code_display            the same in words
-- patient_id              whom it is about: id in patient
-- member_number           number of the subscriber, for coverages
-- practitioner_reference  whose role, for practitioner roles; may point to another contained resource
-- organization_reference  for which organization, for practitioner roles; may point to another contained resource
-- value_number            value, for observations
-- value_unit              its unit
-- value_text              value that is not a number, for observations
-- phone                   first phone number
-- email                   first e-mail address
-- address_line            street of the first address
-- address_city            its city
-- address_state           its state
-- address_postal_code     its postal code
CREATE VIEW contained_resource AS
SELECT connection_id,
       resource_type,
       resource_id,
       contained_type,
       contained_id,
       '#' || contained_id AS reference,
       coalesce(status, lifecycle_status, clinical_status_code) AS status,
       coalesce(name, name_text, nullif(trim(coalesce(given_name, '') || ' ' || coalesce(family_name, '')), '')) AS name,
       npi,
       tax_id,
       identifier_value,
       identifier_system,
       coalesce(code_code, medication_code, description_code, specialty_code, qualification_code, relationship_code,
                type_code) AS code,
       coalesce(code_system, medication_system, description_system, specialty_system, qualification_system,
                relationship_system, type_system) AS code_system,
       coalesce(code_display, code_text, medication_display, medication_text, description_display, description_text,
                specialty_display, specialty_text, qualification_display, qualification_text,
                relationship_display, relationship_text, type_display, type_text) AS code_display,
       coalesce(subject_id, related_patient_id, beneficiary_id) AS patient_id,
       subscriber_id AS member_number,
       practitioner_reference,
       organization_reference,
       value_quantity_value AS value_number,
       value_quantity_unit AS value_unit,
       coalesce(value_string, value_text, value_code) AS value_text,
       coalesce(phone, contact_phone) AS phone,
       coalesce(email, contact_email) AS email,
       address_line,
       address_city,
       address_state,
       address_postal_code
FROM (
    SELECT 'AllergyIntolerance' AS resource_type, allergy_intolerance_id AS resource_id, * FROM allergy_intolerance_contained
    UNION ALL
    SELECT 'CarePlan', care_plan_id, * FROM care_plan_contained
    UNION ALL
    SELECT 'CareTeam', care_team_id, * FROM care_team_contained
    UNION ALL
    SELECT 'ClaimResponse', claim_response_id, * FROM claim_response_contained
    UNION ALL
    SELECT 'Condition', condition_id, * FROM condition_contained
    UNION ALL
    SELECT 'Coverage', coverage_id, * FROM coverage_contained
    UNION ALL
    SELECT 'Device', device_id, * FROM device_contained
    UNION ALL
    SELECT 'DiagnosticReport', diagnostic_report_id, * FROM diagnostic_report_contained
    UNION ALL
    SELECT 'DocumentReference', document_reference_id, * FROM document_reference_contained
    UNION ALL
    SELECT 'Encounter', encounter_id, * FROM encounter_contained
    UNION ALL
    SELECT 'ExplanationOfBenefit', explanation_of_benefit_id, * FROM explanation_of_benefit_contained
    UNION ALL
    SELECT 'Goal', goal_id, * FROM goal_contained
    UNION ALL
    SELECT 'Immunization', immunization_id, * FROM immunization_contained
    UNION ALL
    SELECT 'InsurancePlan', insurance_plan_id, * FROM insurance_plan_contained
    UNION ALL
    SELECT 'Location', location_id, * FROM location_contained
    UNION ALL
    SELECT 'Medication', medication_id, * FROM medication_contained
    UNION ALL
    SELECT 'MedicationAdministration', medication_administration_id, * FROM medication_administration_contained
    UNION ALL
    SELECT 'MedicationDispense', medication_dispense_id, * FROM medication_dispense_contained
    UNION ALL
    SELECT 'MedicationKnowledge', medication_knowledge_id, * FROM medication_knowledge_contained
    UNION ALL
    SELECT 'MedicationRequest', medication_request_id, * FROM medication_request_contained
    UNION ALL
    SELECT 'MedicationStatement', medication_statement_id, * FROM medication_statement_contained
    UNION ALL
    SELECT 'Observation', observation_id, * FROM observation_contained
    UNION ALL
    SELECT 'Organization', organization_id, * FROM organization_contained
    UNION ALL
    SELECT 'Patient', patient_id, * FROM patient_contained
    UNION ALL
    SELECT 'Practitioner', practitioner_id, * FROM practitioner_contained
    UNION ALL
    SELECT 'PractitionerRole', practitioner_role_id, * FROM practitioner_role_contained
    UNION ALL
    SELECT 'Procedure', procedure_id, * FROM procedure_contained
    UNION ALL
    SELECT 'Provenance', provenance_id, * FROM provenance_contained
    UNION ALL
    SELECT 'QuestionnaireResponse', questionnaire_response_id, * FROM questionnaire_response_contained
    UNION ALL
    SELECT 'RelatedPerson', related_person_id, * FROM related_person_contained
    UNION ALL
    SELECT 'ServiceRequest', service_request_id, * FROM service_request_contained
    UNION ALL
    SELECT 'Specimen', specimen_id, * FROM specimen_contained
    UNION ALL
    SELECT 'Claim', submitted_claim_id, * FROM submitted_claim_contained
);
