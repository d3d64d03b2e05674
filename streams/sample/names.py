"""Parts of names of companies and people."""

# ruff: noqa: SIM905 (lists of words are read best as words)

FIRST = (
    "Alder Amber Apex Arbor Aster Atlas Aurora Beacon Birch Blue Bright Canyon Cedar Cobalt Copper Coral Crest Delta "
    "Drift Eagle Ember Falcon Fern Flint Forge Glacier Granite Harbor Hazel Helix Heron Horizon Iron Juniper Kestrel "
    "Lark Lumen Lunar Maple Meridian Mesa Nimbus North Oak Onyx Orchard Osprey Pine Polar Prairie Quarry Raven Ridge "
    "River Sable Sage Sierra Silver Solar Spruce Sterling Summit Terra Timber Tundra Umber Vale Vertex Vista Willow"
).split()
SECOND = (
    "bank bay brook dale field gate grove haven hill lake line mark mere path peak point port reach rock stone view "
    "way well wood works yard"
).split()
TRADE = (
    "Analytics Aviation Biotech Capital Clinics Components Dental Dynamics Energy Engineering Estates Foods Freight "
    "Health Hotels Insurance Labs Logistics Manufacturing Media Mobility Optics Partners Payments Pharma Press Retail "
    "Robotics Security Software Systems Telecom Textiles Travel Utilities Ventures"
).split()
LEGAL = ("", "", "", " Inc", " Ltd", " GmbH", " LLC", " Group")

GIVEN = (
    "Aisha Amara Ana Anders Beatriz Björn Camille Chen Chloé Daniel Diego Elena Emeka Farah Giulia Hannah Hiro Ingrid "
    "Ivan Jana Jonas Kofi Lars Leila Lucía Maja Marcus Mei Nadia Noah Olga Omar Priya Rafael Rosa Samir Sofia Tomás "
    "Wei Yusuf Zoë"
).split()
FAMILY = (
    "Abara Andersson Bauer Becker Castillo Costa Dubois Eriksen Fischer García Haddad Hansen Ito Jansen Kaya Keller "
    "Khan Kowalski Larsen Lindqvist Mbeki Moreau Müller Nakamura Novak Okafor Oliveira Park Patel Petrov Quinn Rossi "
    "Sato Schmidt Silva Singh Tanaka Varga Weber Wójcik Yilmaz Zhang"
).split()
