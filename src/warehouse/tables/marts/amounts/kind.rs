//! Kinds of amounts, and the codes by which payers name them.

/// The kind of an amount in a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Allowed,
    Benefit,
    Coinsurance,
    Copay,
    Deductible,
    Discount,
    DrugCost,
    MemberLiability,
    Noncovered,
    PaidByPatient,
    PaidToPatient,
    PaidToProvider,
    /// The claim's payment, which has a FHIR element of its own.
    Payment,
    PriorPayerPaid,
    Submitted,
    Tax,
}

/// The number of kinds.
pub(super) const KINDS: usize = Kind::Tax as usize + 1;

impl Kind {
    /// The name of the kind in the marts.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Allowed => "allowed",
            Kind::Benefit => "benefit",
            Kind::Coinsurance => "coinsurance",
            Kind::Copay => "copay",
            Kind::Deductible => "deductible",
            Kind::Discount => "discount",
            Kind::DrugCost => "drug_cost",
            Kind::MemberLiability => "member_liability",
            Kind::Noncovered => "noncovered",
            Kind::PaidByPatient => "paid_by_patient",
            Kind::PaidToPatient => "paid_to_patient",
            Kind::PaidToProvider => "paid_to_provider",
            Kind::Payment => "payment",
            Kind::PriorPayerPaid => "prior_payer_paid",
            Kind::Submitted => "submitted",
            Kind::Tax => "tax",
        }
    }
}

/// The address of Medicare's descriptions of its variables; their codes are addresses below it.
const MEDICARE: &str = "https://bluebutton.cms.gov/resources/variables/";

/// The rank of a line's net amount: after every code of its kind.
pub(super) const NET: i64 = 9;

/// The kind that a lower-case code means, and the code's rank within its kind; the lowest rank wins.
fn meaning(code: &str) -> Option<(Kind, i64)> {
    if let Some(variable) = code.strip_prefix(MEDICARE) {
        return Some(match variable {
            "line_sbmtd_chrg_amt" => (Kind::Submitted, 2),
            "rev_cntr_tot_chrg_amt" => (Kind::Submitted, 3),
            "clm_tot_chrg_amt" => (Kind::Submitted, 4),
            "line_alowd_chrg_amt" => (Kind::Allowed, 2),
            "rev_cntr_ncvrd_chrg_amt" => (Kind::Noncovered, 3),
            "line_bene_ptb_ddctbl_amt" => (Kind::Deductible, 2),
            "rev_cntr_cash_ddctbl_amt" => (Kind::Deductible, 3),
            // Of the claim as a whole, in its balances of benefits.
            "nch_bene_ip_ddctbl_amt"
            | "nch_bene_ptb_ddctbl_amt"
            | "carr_clm_cash_ddctbl_apld_amt" => (Kind::Deductible, 4),
            "line_coinsrnc_amt" => (Kind::Coinsurance, 3),
            "nch_bene_pta_coinsrnc_lblty_amt" | "nch_bene_ptb_coinsrnc_amt" => {
                (Kind::Coinsurance, 4)
            }
            "line_bene_prmry_pyr_pd_amt" | "othr_troop_amt" | "plro_amt" => {
                (Kind::PriorPayerPaid, 3)
            }
            "prpayamt" => (Kind::PriorPayerPaid, 4),
            "line_prvdr_pmt_amt" => (Kind::PaidToProvider, 2),
            "rev_cntr_prvdr_pmt_amt" => (Kind::PaidToProvider, 3),
            "line_bene_pmt_amt" => (Kind::PaidToPatient, 2),
            "rev_cntr_bene_pmt_amt" => (Kind::PaidToPatient, 3),
            "line_nch_pmt_amt" => (Kind::Benefit, 3),
            "rev_cntr_pmt_amt_amt" => (Kind::Benefit, 4),
            "tot_rx_cst_amt" => (Kind::DrugCost, 2),
            _ => return None,
        });
    }
    Some(match code {
        "submitted" => (Kind::Submitted, 0),
        "submittedamount" => (Kind::Submitted, 1),
        "net" => (Kind::Submitted, NET),
        "allowed" => (Kind::Allowed, 0),
        "allowedamount" => (Kind::Allowed, 1),
        "eligible" => (Kind::Allowed, 3),
        "eligibleamount" => (Kind::Allowed, 4),
        "noncovered" => (Kind::Noncovered, 0),
        "noncoveredamount" => (Kind::Noncovered, 1),
        "disallowed" => (Kind::Noncovered, 2),
        "disallowedamount" => (Kind::Noncovered, 3),
        "discount" => (Kind::Discount, 0),
        "discountamount" => (Kind::Discount, 1),
        "deductible" => (Kind::Deductible, 0),
        "deductibleamount" => (Kind::Deductible, 1),
        "copay" => (Kind::Copay, 0),
        "copayamount" => (Kind::Copay, 1),
        "copaymentamount" => (Kind::Copay, 2),
        "copayment" => (Kind::Copay, 3),
        "coinsurance" => (Kind::Coinsurance, 0),
        "coinsuranceamount" => (Kind::Coinsurance, 1),
        "coins" => (Kind::Coinsurance, 2),
        "coinsamount" => (Kind::Coinsurance, 3),
        "memberliability" => (Kind::MemberLiability, 0),
        "memberliabilityamount" => (Kind::MemberLiability, 1),
        "paidbypatient" => (Kind::PaidByPatient, 0),
        "patientpayamount" => (Kind::PaidByPatient, 1),
        "paidbypatientamount" => (Kind::PaidByPatient, 3),
        "paidbypatientcash" | "paidbypatientother" | "paidbypatienthealthaccount" => {
            (Kind::PaidByPatient, 2)
        }
        "priorpayerpaid" => (Kind::PriorPayerPaid, 0),
        "priorpayerpaidamount" => (Kind::PriorPayerPaid, 1),
        "cobamount" => (Kind::PriorPayerPaid, 2),
        // In version 3 of Medicare's API these have no category.
        "clm_line_othr_tp_pd_amt" | "clm_line_plro_amt" => (Kind::PriorPayerPaid, 3),
        "clm_mdcr_instnl_prmry_pyr_amt" | "clm_mdcr_prfnl_prmry_pyr_amt" => {
            (Kind::PriorPayerPaid, 4)
        }
        "paidtoprovider" => (Kind::PaidToProvider, 0),
        "paidtoprovideramount" => (Kind::PaidToProvider, 1),
        "paidtopatient" => (Kind::PaidToPatient, 0),
        "memberreimbursement" => (Kind::PaidToPatient, 1),
        "paidtopatientamount" => (Kind::PaidToPatient, 2),
        "memberreimbursementamount" => (Kind::PaidToPatient, 3),
        "benefit" => (Kind::Benefit, 0),
        "payment" => (Kind::Benefit, 1),
        "paymentamount" => (Kind::Benefit, 2),
        "benefitamount" => (Kind::Benefit, 5),
        "drugcost" => (Kind::DrugCost, 0),
        "drugcostamount" => (Kind::DrugCost, 1),
        "tax" => (Kind::Tax, 0),
        "taxamount" => (Kind::Tax, 1),
        _ => return None,
    })
}

/// The codes and texts by which a payer names an amount.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Category<'a> {
    /// The code from the best-known code system.
    pub(super) code: Option<&'a str>,
    /// The first two codings: system and code.
    pub(super) codings: [(Option<&'a str>, Option<&'a str>); 2],
    /// The text, and the display of the first code.
    pub(super) texts: [Option<&'a str>; 2],
}

impl<'a> Category<'a> {
    /// The kind, and the rank of its code within the kind.
    ///
    /// The code may be the second coding, after the payer's own. If no code is known as it is, the code,
    /// the text and the display are tried without blanks and dashes: each must then be the whole name of
    /// a kind. If Medicare's own coding says that the amount is another than its category, that coding
    /// counts: what Medicare paid for a line comes under the category of charges.
    pub(super) fn meaning(&self) -> Option<(Kind, i64)> {
        let named = self.of_category()?;
        match is_another(named.0, self.detail()) {
            true => meaning(self.detail()),
            false => Some(named),
        }
    }

    /// The meaning of the category alone.
    fn of_category(&self) -> Option<(Kind, i64)> {
        let exact = |code: Option<&str>| meaning(&code?.to_ascii_lowercase());
        let worded = |name: Option<&str>| {
            let mut plain = name?.to_ascii_lowercase();
            plain.retain(|letter| !matches!(letter, ' ' | '-' | '_'));
            meaning(&plain)
        };
        let [text, display] = self.texts;
        let coded = exact(self.code).or_else(|| exact(self.codings[1].1));
        coded.or_else(|| [self.code, text, display].into_iter().find_map(worded))
    }

    /// The code of Medicare's own coding, which says more than the category; empty without such a coding.
    pub(super) fn detail(&self) -> &'a str {
        let is_medicare = |system: Option<&str>| {
            system.is_some_and(|system| system.to_ascii_lowercase().contains("cms.gov"))
        };
        let [first, second] = self.codings;
        let coding = [second, first].into_iter().find(|(system, _)| is_medicare(*system));
        coding.and_then(|(_, code)| code).unwrap_or_default()
    }
}

/// Whether a Medicare variable means another amount than its category says.
fn is_another(kind: Kind, detail: &str) -> bool {
    let Some(variable) = detail.strip_prefix(MEDICARE) else { return false };
    match kind {
        Kind::Submitted => matches!(
            variable,
            "rev_cntr_rate_amt" | "rev_cntr_pmt_amt_amt" | "line_dme_prchs_price_amt"
        ),
        Kind::Allowed => variable == "line_prmry_alowd_chrg_amt",
        Kind::Deductible => variable == "rev_cntr_blood_ddctbl_amt",
        Kind::Coinsurance => matches!(
            variable,
            "rev_cntr_rdcd_coinsrnc_amt" | "gdc_blw_oopt_amt" | "gdc_abv_oopt_amt"
        ),
        Kind::Discount => variable == "lics_amt",
        _ => false,
    }
}

/// Whether a Medicare variable is the payment of one of several prior payers.
///
/// For a drug, others pay what counts towards the member's out-of-pocket limit and what does not.
pub(super) fn is_of_a_prior_payer(detail: &str) -> bool {
    match detail.strip_prefix(MEDICARE) {
        Some(variable) => matches!(
            variable,
            "rev_cntr_1st_msp_pd_amt" | "rev_cntr_2nd_msp_pd_amt" | "othr_troop_amt" | "plro_amt"
        ),
        None => matches!(
            detail,
            "CLM_LINE_INSTNL_MSP1_PD_AMT"
                | "CLM_LINE_INSTNL_MSP2_PD_AMT"
                | "CLM_LINE_OTHR_TP_PD_AMT"
                | "CLM_LINE_PLRO_AMT"
        ),
    }
}
