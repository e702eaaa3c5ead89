"""Target labels of challenges that were run before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """`labels`: keys of the vocabulary, with their names as the collection wrote them then."""

    vocabulary: str
    subset: str
    annotations: tuple[str, ...]
    labels: dict[str, str]
    source: str


# The labels with a row in the released table; the announcement spoke of 24, and names the last one nowhere.
CATS4ML_2021 = Preset(
    vocabulary="openimages",
    subset="train",
    annotations=("any",),
    labels={
        "/m/015p6": "Bird",
        "/m/019nj4": "Smile",
        "/m/06c7f7": "Lipstick",
        "/m/0ph39": "Canoe",
        "/m/01_5g": "Chopsticks",
        "/m/01445t": "Athlete",
        "/m/01tcjp": "Muffin",
        "/m/0ytgt": "Child",
        "/m/01pn0r": "Chef",
        "/m/012n4x": "Firefighter",
        "/m/02y5kn": "Coach",
        "/m/047x57": "Construction worker",
        "/m/0jm_": "American football",
        "/m/0663v": "Pizza",
        "/m/0sgh53y": "Selfie",
        "/m/02_g0": "Funeral",
        "/m/015wgc": "Croissant",
        "/m/0bk5m9": "Bus driver",
        "/m/027qtzz": "Thanksgiving",
        "/m/05t4q": "Physician",
        "/m/01d30f": "Teacher",
        "/m/016c3c": "Graduation",
        "/m/0fczf": "Nurse",
    },
    source="Aroyo et al., CATS4ML 2021 data release, CC BY 4.0",
)

PRESETS = {"cats4ml-2021": CATS4ML_2021}
