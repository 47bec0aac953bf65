/** What makes one company's data unlike another's. Every list but `taxRates` is combined with others into names. */
export interface Profile {
  currency: string;
  country: string;
  /** A city of `PLACES`: the headquarters are there, and most customers there or in the ones that follow. */
  home: string;
  /** The first is what goods bear, and the default. */
  taxRates: readonly [TaxFacts, ...TaxFacts[]];
  skuPrefix: string;
  qualities: readonly [string, ...string[]];
  things: readonly [string, ...string[]];
  services: readonly [string, ...string[]];
  subscriptions: readonly [string, ...string[]];
}

interface TaxFacts {
  name: string;
  basisPoints: number;
}

const ACME: Profile = {
  currency: "USD",
  country: "US",
  home: "Phoenix",
  taxRates: [
    { name: "Phoenix, city and state", basisPoints: 860 },
    { name: "Arizona, state only", basisPoints: 560 },
    { name: "Maricopa County", basisPoints: 630 },
    { name: "Food for home", basisPoints: 230 },
    { name: "Exempt (resale)", basisPoints: 0 },
  ],
  skuPrefix: "ACM",
  qualities: [
    "Giant",
    "Portable",
    "Rocket-Powered",
    "Dehydrated",
    "Instant",
    "Self-Guided",
    "Invisible",
    "Jet-Propelled",
    "Earthquake-Proof",
    "Extra-Large",
    "Triple-Strength",
    "Do-It-Yourself",
    "Spring-Loaded",
    "Super-Sonic",
    "Silent",
    "Indestructible*",
    "Left-Handed",
    "Bat-Shaped",
    "Desert",
    "Deluxe",
    "Budget",
    "Remote-Controlled",
    "Inflatable",
  ],
  things: [
    "Anvil",
    "Roller Skates",
    "Catapult",
    "Boulders",
    "Tunnel Paint",
    "Magnet",
    "Birdseed",
    "Bungee Cord",
    "Trampoline",
    "Slingshot",
    "Net",
    "Parachute",
    "Unicycle",
    "Tornado Seeds",
    "Iron Pellets",
    "Springs",
    "Glue",
    "Hot-Air Balloon",
    "Weather Balloon",
    "Ski Kit",
    "Bear Trap",
    "Steam-Roller",
    "Wagon",
    "Crate",
    "Telescope",
    'Sign ("Detour")',
    'Sign ("Help!")',
    "Bumblebees (1 Doz.)",
    "Leg Muscle Vitamins",
    "Hen Grenade",
    "Axle Grease, Guaranteed Slippery",
    "Mouse Snare",
    "Elevator Shoes",
    "Grease Gun",
    "Flying Outfit",
    "Harpoon",
    "Burglar Alarm",
  ],
  services: [
    "Crater Filling",
    "Cliff Rescue",
    "Trap Design",
    "Parcel Delivery by Catapult",
    "Bandaging",
    "Safety Audit",
  ],
  subscriptions: ["Anvil of the Month", "Roadside Assistance", "Returns Without Questions", "Catalogue by Post"],
};

const GLOBEX: Profile = {
  currency: "EUR",
  country: "NL",
  home: "Amsterdam",
  taxRates: [
    { name: "BTW hoog (21 %)", basisPoints: 2100 },
    { name: "BTW laag (9 %)", basisPoints: 900 },
    { name: "BTW nul (0 %)", basisPoints: 0 },
    { name: "Verlegd / reverse charge", basisPoints: 0 },
    { name: "TVA réduite (FR, 5,5 %)", basisPoints: 550 },
  ],
  skuPrefix: "GLX",
  qualities: [
    "Compact",
    "Industrial",
    "Alpine",
    "Offshore",
    "Modular",
    "Hydro",
    "Solar",
    "Hybrid",
    "Quiet",
    "Smart",
    "β-Series",
    "Ultra",
  ],
  things: [
    "Heat Pump",
    "Wind Turbine",
    "Inverter 3 kW",
    "Inverter 12 kW",
    "Battery Pack",
    "Weather Station",
    "Power Cable 10 m",
    "Transformer",
    "Control Panel",
    "Pressure Valve ½″",
    "Cooling Loop",
    "Sensor (±0.1 °C)",
    "Dam Gate",
    "Hammock",
    "Doomsday Clock",
    "Sugar Dispenser",
    "Charging Point",
    "Junction Box",
    "Smart Meter",
    "Fuse 16 A",
  ],
  services: [
    "Installation",
    "Energy Audit",
    "Commissioning",
    "Grid Study",
    "Relocation to Cypress Creek",
    "Calibration",
  ],
  subscriptions: ["Remote Monitoring", "Maintenance Contract", "Green Power", "Spare Parts Pool"],
};

const INITECH: Profile = {
  currency: "USD",
  country: "US",
  home: "Austin",
  taxRates: [
    { name: "Austin, city and state", basisPoints: 825 },
    { name: "Texas, state only", basisPoints: 625 },
    { name: "Data processing (80 % taxable)", basisPoints: 660 },
    { name: "Out of state", basisPoints: 0 },
    { name: "Exempt organisation", basisPoints: 0 },
  ],
  skuPrefix: "INI",
  qualities: [
    "Standard",
    "Professional",
    "Refurbished",
    "Beige",
    "Ergonomic",
    "Recycled",
    "Swingline-Red",
    "Wireless",
    "Bulk",
    "Executive",
  ],
  things: [
    "Stapler",
    "TPS Report Cover Sheets",
    "Fax Machine",
    "Line Printer",
    "Cubicle Wall",
    "Desk Lamp",
    "Flair Badge (37 pc.)",
    "Office Chair",
    "PC LOAD LETTER Tray",
    "Whiteboard",
    "Coffee Mug",
    "Memo Pads",
    "Floppy Disks 3½″",
    "Baseball Bat",
    "Aquarium",
    "Jump-to-Conclusions Mat",
    "Label Maker",
    "Conference Phone",
    "Nameplate",
    "Shredder",
  ],
  services: [
    "Y2K Conversion",
    "Efficiency Interview",
    "Bank Software Update",
    "Code Review",
    "Data Migration",
    "On-Call Saturday",
  ],
  subscriptions: ["Payroll Software", "Helpdesk", "Backup Tapes Off-Site", "Rounding Engine"],
};

const PROFILES: Readonly<Record<string, Profile>> = { acme: ACME, globex: GLOBEX, initech: INITECH };

/** The profile of a demo tenant; any other slug gets one of the three, always the same. */
export function profileOf(slug: string): Profile {
  if (Object.hasOwn(PROFILES, slug)) return PROFILES[slug]!;
  return [ACME, GLOBEX, INITECH][slug.length % 3]!;
}
