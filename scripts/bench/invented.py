"""An invented member's records, and a server of them.

The server runs in a process of its own and answers from memory, so that neither its time nor its memory is
counted. What it does for a page can be told while it runs: how long it waits, whether one resource in a
hundred has changed, and how many requests of any second it allows.
"""

import collections
import http.server
import json
import multiprocessing
import random
import sys
import threading
import time
import urllib.parse
import uuid

from measured import measure

PAGE = 100
HL7 = "http://terminology.hl7.org/CodeSystem/"
C4BB = "http://hl7.org/fhir/us/carin-bb/CodeSystem/"
ICD, CPT, LOINC = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.ama-assn.org/go/cpt", "http://loinc.org"
# How many there are of each type at a scale of 1.
COUNTS = {
    "Patient": 1, "Coverage": 4, "Organization": 40, "Practitioner": 80, "ExplanationOfBenefit": 2600,
    "Observation": 3600, "Encounter": 900, "Procedure": 900, "Condition": 500, "DiagnosticReport": 500,
    "MedicationRequest": 600, "Immunization": 160, "AllergyIntolerance": 15, "CarePlan": 100,
}


class Member:
    """One member's records, the same for each run; or the night after, with one in a hundred changed."""

    def __init__(self, base, scale, is_changed=False):
        self.base, self.random, self.is_changed = base, random.Random(7), is_changed
        self.ids = {kind: [self.id() for _ in range(max(1, int(count * scale)))] for kind, count in COUNTS.items()}
        self.ids["Patient"] = self.ids["Patient"][:1]

    def id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def to(self, kind):
        return {"reference": "%s/%s" % (kind, self.random.choice(self.ids[kind]))}

    def day(self):
        return "20%02d-%02d-%02d" % (self.random.randint(15, 24), self.random.randint(1, 12), self.random.randint(1, 28))

    def concept(self, system, code, text=None):
        concept = {"coding": [{"system": system, "code": code, "display": text or "Display of %s" % code}]}
        return {**concept, "text": text} if text else concept

    def amount(self, most=90_000):
        return {"value": self.random.randint(0, most) / 100, "currency": "USD"}

    def pages(self, kind):
        ids = self.ids[kind]
        for start in range(0, len(ids), PAGE):
            link = [{"relation": "self", "url": "%s/%s" % (self.base, kind)}]
            if start + PAGE < len(ids):
                link.append({"relation": "next", "url": "%s/%s?page=%d" % (self.base, kind, start // PAGE + 1)})
            entries = [
                {"fullUrl": "%s/%s/%s" % (self.base, kind, each), "resource": self.resource(kind, each), "search": {"mode": "match"}}
                for each in ids[start : start + PAGE]
            ]
            if self.is_changed:
                entries[0]["resource"]["meta"] |= {"versionId": "2", "lastUpdated": "2025-06-01T08:00:00.000+00:00"}
                entries[0]["resource"]["language"] = "en"
            bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(ids), "link": link, "entry": entries}
            yield json.dumps(bundle, separators=(",", ":")).encode()

    def resource(self, kind, id):
        day, make = self.day(), getattr(self, kind)
        head = {
            "resourceType": kind,
            "id": id,
            "meta": {
                "versionId": "1",
                "lastUpdated": day + "T08:00:00.000+00:00",
                "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-%s" % kind.lower()],
            },
        }
        return {**head, **make(day)}

    def Patient(self, day):
        return {
            "identifier": [{"type": self.concept(HL7 + "v2-0203", "MB"), "system": "https://payer.example/members", "value": "W1234"}],
            "name": [{"use": "official", "family": "Bench", "given": ["Ann", "B."]}],
            "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
            "gender": "female",
            "birthDate": "1960-02-03",
            "address": [{"line": ["1 Main St"], "city": "Springfield", "state": "IL", "postalCode": "62701"}],
        }

    def Coverage(self, day):
        return {
            "status": "active",
            "type": self.concept(HL7 + "v3-ActCode", "HMO"),
            "subscriberId": "W1234",
            "beneficiary": self.to("Patient"),
            "relationship": self.concept(HL7 + "subscriber-relationship", "self"),
            "period": {"start": day},
            "payor": [self.to("Organization")],
            "class": [{"type": self.concept(HL7 + "coverage-class", "group"), "value": "G1", "name": "Group 1"}],
        }

    def Organization(self, day):
        return {
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
            "active": True,
            "name": "Organization of %s" % day,
            "address": [{"line": ["2 Main St"], "city": "Springfield", "state": "IL", "postalCode": "62701"}],
        }

    def Practitioner(self, day):
        return {
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}],
            "active": True,
            "name": [{"family": "Doctor %s" % day, "given": ["D."], "prefix": ["Dr."]}],
        }

    def ExplanationOfBenefit(self, day):
        some = self.random
        adjudication = lambda code: {"category": self.concept(C4BB + "C4BBAdjudication", code), "amount": self.amount()}
        line = lambda number: {
            "sequence": number,
            "careTeamSequence": [1],
            "diagnosisSequence": [1],
            "category": self.concept(HL7 + "ex-benefitcategory", "1", "Medical care"),
            "productOrService": self.concept(CPT, str(some.randint(10000, 99999)), "A service"),
            "modifier": [self.concept(CPT, "25")],
            "servicedPeriod": {"start": day, "end": day},
            "locationCodeableConcept": self.concept("https://www.cms.gov/place-of-service", "11", "Office"),
            "quantity": {"value": some.randint(1, 4)},
            "net": self.amount(),
            "adjudication": [adjudication(code) for code in ["submitted", "eligible", "benefit", "copay", "deductible"]],
        }
        info = lambda number, code, value: {"sequence": number, "category": self.concept(C4BB + "C4BBSupportingInfoType", code), **value}
        return {
            "identifier": [
                {"type": self.concept(C4BB + "C4BBIdentifierType", "uc"), "system": "https://payer.example/claims", "value": self.id()}
            ],
            "status": "active",
            "type": self.concept(HL7 + "claim-type", some.choice(["professional", "institutional", "pharmacy"])),
            "use": "claim",
            "patient": self.to("Patient"),
            "billablePeriod": {"start": day, "end": day},
            "created": day + "T12:00:00+00:00",
            "insurer": self.to("Organization"),
            "provider": self.to("Practitioner"),
            "outcome": "complete",
            "careTeam": [
                {"sequence": at + 1, "provider": self.to("Practitioner"), "role": self.concept(HL7 + "claimcareteamrole", role)}
                for at, role in enumerate(["primary", "supervisor"])
            ],
            "supportingInfo": [
                info(1, "clmrecvddate", {"timingDate": day}),
                info(2, "billingnetworkcontractingstatus", {"code": self.concept(C4BB + "C4BBPayerAdjudicationStatus", "contracted")}),
            ],
            "diagnosis": [
                {
                    "sequence": at + 1,
                    "diagnosisCodeableConcept": self.concept(ICD, "E%02d.%d" % (some.randint(0, 89), at), "A diagnosis"),
                    "type": [self.concept(HL7 + "ex-diagnosistype", "principal" if at == 0 else "secondary")],
                }
                for at in range(3)
            ],
            "insurance": [{"focal": True, "coverage": self.to("Coverage")}],
            "item": [line(at + 1) for at in range(some.randint(1, 5))],
            "total": [adjudication(code) for code in ["submitted", "benefit", "copay"]],
            "payment": {"date": day, "amount": self.amount()},
        }

    def Observation(self, day):
        return {
            "status": "final",
            "category": [self.concept(HL7 + "observation-category", "laboratory")],
            "code": self.concept(LOINC, "%d-%d" % (self.random.randint(1000, 9999), 4), "A measurement"),
            "subject": self.to("Patient"),
            "encounter": self.to("Encounter"),
            "effectiveDateTime": day + "T10:00:00+00:00",
            "issued": day + "T10:00:00.000+00:00",
            "valueQuantity": {"value": self.random.randint(1, 9999) / 10, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
            "referenceRange": [{"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 99, "unit": "mg/dL"}}],
        }

    def Encounter(self, day):
        return {
            "status": "finished",
            "class": {"system": HL7 + "v3-ActCode", "code": "AMB"},
            "type": [self.concept("http://snomed.info/sct", "185349003", "Encounter for check up")],
            "subject": self.to("Patient"),
            "participant": [{"individual": self.to("Practitioner"), "period": {"start": day, "end": day}}],
            "period": {"start": day + "T09:00:00+00:00", "end": day + "T09:30:00+00:00"},
            "serviceProvider": self.to("Organization"),
        }

    def Procedure(self, day):
        return {
            "status": "completed",
            "code": self.concept(CPT, str(self.random.randint(10000, 99999)), "A procedure"),
            "subject": self.to("Patient"),
            "encounter": self.to("Encounter"),
            "performedPeriod": {"start": day + "T09:00:00+00:00", "end": day + "T09:30:00+00:00"},
            "performer": [{"actor": self.to("Practitioner")}],
            "reasonCode": [self.concept(ICD, "E11.9")],
        }

    def Condition(self, day):
        return {
            "clinicalStatus": self.concept(HL7 + "condition-clinical", "active"),
            "verificationStatus": self.concept(HL7 + "condition-ver-status", "confirmed"),
            "category": [self.concept(HL7 + "condition-category", "encounter-diagnosis")],
            "code": self.concept(ICD, "E%02d.9" % self.random.randint(0, 89), "A condition"),
            "subject": self.to("Patient"),
            "encounter": self.to("Encounter"),
            "onsetDateTime": day,
            "recordedDate": day,
        }

    def DiagnosticReport(self, day):
        return {
            "status": "final",
            "category": [self.concept(HL7 + "v2-0074", "LAB")],
            "code": self.concept(LOINC, "58410-2", "A panel"),
            "subject": self.to("Patient"),
            "encounter": self.to("Encounter"),
            "effectiveDateTime": day + "T10:00:00+00:00",
            "issued": day + "T10:00:00.000+00:00",
            "performer": [self.to("Organization")],
            "result": [self.to("Observation") for _ in range(8)],
        }

    def MedicationRequest(self, day):
        return {
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": self.concept("http://www.nlm.nih.gov/research/umls/rxnorm", str(self.random.randint(1000, 999999)), "A drug"),
            "subject": self.to("Patient"),
            "encounter": self.to("Encounter"),
            "authoredOn": day,
            "requester": self.to("Practitioner"),
            "dosageInstruction": [{"sequence": 1, "text": "Once a day", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}],
        }

    def Immunization(self, day):
        return {
            "status": "completed",
            "vaccineCode": self.concept("http://hl7.org/fhir/sid/cvx", "140", "Influenza"),
            "patient": self.to("Patient"),
            "occurrenceDateTime": day,
            "primarySource": True,
        }

    def AllergyIntolerance(self, day):
        status, snomed = self.concept(HL7 + "allergyintolerance-clinical", "active"), "http://snomed.info/sct"
        reaction = [{"manifestation": [self.concept(snomed, "271807003", "Rash")]}]
        return {"clinicalStatus": status, "code": self.concept(snomed, "91936005", "Allergy to penicillin"), "patient": self.to("Patient"), "reaction": reaction}

    def CarePlan(self, day):
        return {
            "status": "active",
            "intent": "plan",
            "category": [self.concept("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")],
            "subject": self.to("Patient"),
            "period": {"start": day},
            "activity": [{"detail": {"status": "in-progress", "code": self.concept("http://snomed.info/sct", "226234005", "A diet")}} for _ in range(2)],
        }


class Payer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A page leaves in one piece: the last part of it must not wait for an acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    nights, told, recent, lock = None, None, collections.deque(), threading.Lock()

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b'{"access_token":"a-token-for-the-bench","token_type":"bearer","expires_in":36000}')

    def is_too_much(self):
        """Counts every request of the last second, and refuses what is over the limit."""
        now, told = time.monotonic(), self.told
        with self.lock:
            while self.recent and self.recent[0] <= now - 1:
                self.recent.popleft()
            refused = 0 < told.allowed.value <= len(self.recent)
            if refused:
                told.refused.value += 1
                told.refused_late.value += told.served.value > told.pages_made.value / 2
            else:
                self.recent.append(now)
        return refused

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        kind, page = url.path.rpartition("/")[2], int(urllib.parse.parse_qs(url.query).get("page", ["0"])[0])
        self.told.heard.value = self.told.heard.value or time.monotonic()
        if self.is_too_much():
            return self.answer(b"{}", 429)
        found = self.nights[self.told.changed.value].get(kind)
        if found:
            time.sleep(self.told.delay.value)
            with self.lock:
                self.told.last.value = time.monotonic()
                if not self.told.served.value:
                    self.told.first.value = self.told.last.value
                self.told.served.value += 1
        self.answer(found[page] if found else b"{}", 200 if found else 404)

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    """One that has nothing to say about clients that are killed, as some are here."""

    # Every walk may connect at the same time.
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


class Told:
    """What the server is told and what it tells, in memory that both processes see."""

    def __init__(self):
        for name in "delay", "heard", "first", "last":
            setattr(self, name, multiprocessing.Value("d", 0))
        for name in "changed", "allowed", "served", "pages_made", "refused", "refused_late":
            setattr(self, name, multiprocessing.Value("l", 0))


def serve(nights, told, ready):
    """Makes the pages and serves them; says port and sizes when it is ready."""
    server = Quiet(("127.0.0.1", 0), Payer)
    Payer.nights, Payer.told = nights("http://127.0.0.1:%d/r4" % server.server_port), told
    night, resources = Payer.nights[0], 0
    told.pages_made.value = sum(map(len, night.values()))
    if all(isinstance(each, list) for each in night.values()):
        resources = sum(page.count(b'"fullUrl"') for each in night.values() for page in each)
    size = sum(getattr(each, "size", None) or sum(map(len, each)) for each in night.values())
    ready.send((server.server_port, {kind: len(each) for kind, each in night.items()}, size, resources))
    server.serve_forever()


class Server(Told):
    """The server in a process of its own: `port`, `pages` by type, `size` of all in bytes, `resources`."""

    def __init__(self, nights):
        super().__init__()
        ours, theirs = multiprocessing.Pipe()
        told = Told.__new__(Told)
        told.__dict__.update(self.__dict__)
        self.process = multiprocessing.Process(target=serve, args=(nights, told, theirs), daemon=True)
        self.process.start()
        self.port, self.pages, self.size, self.resources = ours.recv()

    @staticmethod
    def of_a_member(scale):
        """One member's records as they are and, on the second night, with one in a hundred changed."""

        def night(base, is_changed):
            member = Member(base, scale, is_changed)
            return {kind: list(member.pages(kind)) for kind in COUNTS}

        return Server(lambda base: [night(base, False), night(base, True)])

    def home(self, folder, payersync, per_second=1000, more="", kinds=COUNTS):
        """A home with a connection to this server."""
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "payersync.toml").write_text(
            '[http]\ninitial_delay_milliseconds = 10\n'
            '[plans.bench]\nfhir_url = "http://127.0.0.1:%d/r4"\ntoken_url = "http://127.0.0.1:%d/token"\n'
            'client_id = "x"\nclient_secret_file = "secret"\ngrant = "client_credentials"\n'
            "requests_per_second = %d\ntypes = %s\n%s" % (self.port, self.port, per_second, json.dumps(list(kinds)), more)
        )
        (folder / "secret").touch(mode=0o600)
        (folder / "secret").write_text("a-secret-of-nothing")
        measure(payersync, "--home", folder, "connect", "bench", "--plan", "bench")
        return folder

    def end(self):
        self.process.terminate()
        self.process.join()


if __name__ == "__main__":
    # One page of a type, for a benchmark that is not in Python.
    sys.stdout.buffer.write(next(Member("https://payer.example/r4", 1).pages(sys.argv[1])))
