SELECT * FROM warehouse.tuva_eligibility
