SELECT * FROM warehouse.tuva_medical_claim
