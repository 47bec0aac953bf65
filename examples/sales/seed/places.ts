export interface Place {
  city: string;
  country: string;
  timezone: string;
  latitude: number;
  longitude: number;
}

function place(city: string, country: string, timezone: string, latitude: number, longitude: number): Place {
  return { city, country, timezone, latitude, longitude };
}

export const PLACES: readonly Place[] = [
  place("Phoenix", "US", "America/Phoenix", 33.4484, -112.074),
  place("Austin", "US", "America/Chicago", 30.2672, -97.7431),
  place("Amsterdam", "NL", "Europe/Amsterdam", 52.3676, 4.9041),
  place("Springfield", "US", "America/Chicago", 39.7817, -89.6501),
  place("München", "DE", "Europe/Berlin", 48.1351, 11.582),
  place("Zürich", "CH", "Europe/Zurich", 47.3769, 8.5417),
  place("Kraków", "PL", "Europe/Warsaw", 50.0647, 19.945),
  place("Łódź", "PL", "Europe/Warsaw", 51.7592, 19.456),
  place("Ålesund", "NO", "Europe/Oslo", 62.4722, 6.1495),
  place("København", "DK", "Europe/Copenhagen", 55.6761, 12.5683),
  place("Reykjavík", "IS", "Atlantic/Reykjavik", 64.1466, -21.9426),
  place("Québec", "CA", "America/Toronto", 46.8139, -71.208),
  place("São Paulo", "BR", "America/Sao_Paulo", -23.5558, -46.6396),
  place("'s-Hertogenbosch", "NL", "Europe/Amsterdam", 51.6978, 5.3037),
  place("L'Aquila", "IT", "Europe/Rome", 42.3498, 13.3995),
  place("Αθήνα", "GR", "Europe/Athens", 37.9838, 23.7275),
  place("東京", "JP", "Asia/Tokyo", 35.6762, 139.6503),
  place("台北", "TW", "Asia/Taipei", 25.033, 121.5654),
  place("서울", "KR", "Asia/Seoul", 37.5665, 126.978),
  place("Hà Nội", "VN", "Asia/Ho_Chi_Minh", 21.0278, 105.8342),
  place("القاهرة", "EG", "Africa/Cairo", 30.0444, 31.2357),
  place("Nairobi", "KE", "Africa/Nairobi", -1.2921, 36.8219),
  place("Saint John's", "AG", "America/Antigua", 17.1274, -61.8468),
  place("Wagga Wagga", "AU", "Australia/Sydney", -35.1082, 147.3598),
  place("Llanfairpwllgwyngyll", "GB", "Europe/London", 53.2234, -4.2019),
  place("Portland", "US", "America/Los_Angeles", 45.5152, -122.6784),
  place("Gent", "BE", "Europe/Brussels", 51.0543, 3.7174),
  place("Bengaluru", "IN", "Asia/Kolkata", 12.9716, 77.5946),
];

/** The place so many steps down the list from that city, round and round. */
export function placeFrom(city: string, steps: number): Place {
  const start = PLACES.findIndex((candidate) => candidate.city === city);
  return PLACES[(start + steps) % PLACES.length]!;
}
