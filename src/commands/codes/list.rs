//! The published code lists that payersync reads, and how it recognizes a list by the content of its file.

use crate::warehouse::code_systems;

/// A published code list, in one file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// ICD-10-CM order file: fixed width, <https://www.cms.gov/medicare/coding-billing/icd-10-codes>.
    Icd10Cm,
    /// ICD-10-PCS order file, with the same layout as that of ICD-10-CM.
    Icd10Pcs,
    /// HCPCS Level II: records of 320 characters, CMS's record layout.
    Hcpcs,
    /// Table 5 of CMS's IPPS rule: MS-DRGs as tab-separated text.
    DrgTable,
    /// Appendix A of CMS's MS-DRG definitions manual: fixed width.
    DrgAppendix,
    /// CMS's place of service code set as CSV.
    PlaceOfService,
    /// `product.txt` of FDA's NDC directory: tab-separated.
    NdcProduct,
    /// `package.txt` of FDA's NDC directory: tab-separated.
    NdcPackage,
    /// CDC's CVX codes: separated by `|`.
    Cvx,
    /// `RXNCONSO.RRF` of RxNorm or of its prescribable subset: 18 fields, each ended by `|`.
    RxNorm,
    /// NUCC's provider taxonomy as CSV.
    Taxonomy,
}

impl List {
    /// Recognizes a code list by the first bytes of its file; `None` for any other file.
    pub(super) fn of(head: &str) -> Option<List> {
        let mut lines = head.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next()?;
        let begin = || head.lines().take(20).map(str::to_lowercase);
        let lower = first.to_lowercase();
        if lower.starts_with("productid\tproductndc\tndcpackagecode\t") {
            return Some(List::NdcPackage);
        }
        if lower.starts_with("productid\tproductndc\tproducttypename\t") {
            return Some(List::NdcProduct);
        }
        if let Some(list) = of_bars(first).or_else(|| of_fixed_width(first)) {
            return Some(list);
        }
        if ["code", "grouping", "classification"].iter().all(|name| lower.contains(name)) {
            return Some(List::Taxonomy);
        }
        if begin().any(|line| line.contains("place of service code") && line.contains("name")) {
            return Some(List::PlaceOfService);
        }
        // A quoted column name may span several lines, so each of the first 20 lines is searched.
        if begin().any(|line| line.contains('\t') && line.contains("ms-drg title")) {
            return Some(List::DrgTable);
        }
        let is_of_appendix =
            |line: String| line.split_whitespace().take(4).eq(["drg", "mdc", "ms", "description"]);
        begin().any(is_of_appendix).then_some(List::DrgAppendix)
    }

    /// The name of the code list.
    pub(super) fn name(self) -> &'static str {
        match self {
            List::Icd10Cm => "ICD-10-CM",
            List::Icd10Pcs => "ICD-10-PCS",
            List::Hcpcs => "HCPCS Level II",
            List::DrgTable | List::DrgAppendix => "MS-DRG",
            List::PlaceOfService => "place of service",
            List::NdcProduct => "NDC products",
            List::NdcPackage => "NDC packages",
            List::Cvx => "CVX",
            List::RxNorm => "RxNorm",
            List::Taxonomy => "NUCC provider taxonomy",
        }
    }

    /// The code system's URI, as <https://terminology.hl7.org> and CARIN's guide for claims define it.
    pub(super) fn system(self) -> &'static str {
        match self {
            List::Icd10Cm => code_systems::ICD_10_CM,
            List::Icd10Pcs => code_systems::ICD_10_PCS,
            List::Hcpcs => code_systems::HCPCS,
            List::DrgTable | List::DrgAppendix => {
                "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/\
                 MS-DRG-Classifications-and-Software"
            }
            List::PlaceOfService => {
                "https://www.cms.gov/Medicare/Coding/place-of-service-codes/\
                 Place_of_Service_Code_Set"
            }
            List::NdcProduct | List::NdcPackage => code_systems::NDC,
            List::Cvx => "http://hl7.org/fhir/sid/cvx",
            List::RxNorm => code_systems::RXNORM,
            List::Taxonomy => "http://nucc.org/provider-taxonomy",
        }
    }

    /// The name of the code list with this system URI; the URI itself if no list has it.
    pub(super) fn name_of_system(system: &str) -> &str {
        const LISTS: [List; 9] = [
            List::Icd10Cm,
            List::Icd10Pcs,
            List::Hcpcs,
            List::DrgTable,
            List::PlaceOfService,
            List::NdcProduct,
            List::Cvx,
            List::RxNorm,
            List::Taxonomy,
        ];
        match LISTS.into_iter().find(|list| list.system() == system) {
            // One code system, NDC, covers both products and packages.
            Some(List::NdcProduct) => "NDC",
            Some(list) => list.name(),
            None => system,
        }
    }

    /// The hint for a file that is not a known code list.
    pub(super) const KNOWN: &str = "known: ICD-10-CM and ICD-10-PCS order files, HCPCS fixed width, \
         MS-DRG Table 5 or Appendix A as text, place of service CSV, NDC product.txt and package.txt, \
         CVX, RXNCONSO.RRF, NUCC CSV (docs/codes.md)";
}

fn of_bars(line: &str) -> Option<List> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    if fields.len() == 19 && fields[1].len() == 3 && is_number(fields[0]) {
        return Some(List::RxNorm);
    }
    let is_cvx = fields.len() >= 5 && (2..=3).contains(&fields[0].len()) && is_number(fields[0]);
    is_cvx.then_some(List::Cvx)
}

fn of_fixed_width(line: &str) -> Option<List> {
    let part = |from: usize, to: usize| line.get(from..to).unwrap_or_default();
    let code = part(6, 13).trim_end();
    let is_order = is_number(part(0, 5))
        && part(5, 6) == " "
        && (3..=7).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && matches!(part(13, 16), " 0 " | " 1 ");
    if is_order {
        let is_letter = code.starts_with(|c: char| c.is_ascii_uppercase());
        return Some(if is_letter { List::Icd10Cm } else { List::Icd10Pcs });
    }
    let is_hcpcs = line.len() >= 92
        && is_number(part(5, 10))
        && matches!(part(10, 11), "3" | "7")
        && part(3, 5).bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_hcpcs.then_some(List::Hcpcs)
}

/// Whether a text consists of digits alone.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
