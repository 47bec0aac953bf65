import { RowhouseError } from "../errors.ts";

/** NIST SP 800-63B-4 3.1.1.2 and ASVS 6.2: length counts, composition rules don't; what everybody tries first is refused. */
export const SHORTEST = 10;
/** In characters. Longer ones would only cost time. */
const LONGEST = 128;
/** The policy, said to who is to choose one. */
export const PASSWORD_HINT = `${SHORTEST} to ${LONGEST} characters; not your e-mail address, and not one that is tried first.`;

/** Of the lists of leaked passwords, those of ten characters and more that stand at the top. */
const COMMON = new Set(
  `1234567890 12345678910 123456789a 123456789q 0123456789 9876543210 0987654321 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4t5 q1w2e3r4t5y6
  1qaz2wsx3edc 1qazxsw23edc qazwsxedcrfv zaq12wsxcde3 qwertyuiop qwertyuiop123 qwerty12345 qwerty123456 qwerty1234 qwertyasdfgh
  asdfghjkl123 asdfghjklqwe zxcvbnm123 zxcvbnm1234 zxcvbnmasdf password12 password123 password1234 password12345 password01
  password2024 password2025 password2026 passw0rd123 p@ssw0rd12 p@ssw0rd123 p@ssword123 p4ssw0rd123 pa55word123 mypassword
  mypassword1 newpassword newpassword1 thepassword yourpassword changeme12 changeme123 changemenow pleasechange letmein123
  letmein1234 letmeinnow welcome123 welcome1234 welcome2024 welcome2025 welcome2026 iloveyou12 iloveyou123 iloveyou1234
  iloveyouforever administrator administrator1 admin12345 admin123456 admin1234567 superadmin superuser1 rootpassword toor123456
  testpassword test123456 test1234567 testtest123 testtesttest user123456 guest12345 demo123456 demopassword secret1234 secretpassword
  football12 football123 baseball12 baseball123 basketball basketball1 princess12 princess123 superman12 superman123 spiderman1
  spiderman123 sunshine12 sunshine123 monkey1234 dragon1234 dragonball master1234 shadow1234 michael123 jennifer12 jordan2323
  liverpool1 liverpool123 manchester chelsea123 arsenal123 abc1234567 abcd123456 abcde12345 abcdefghij abcdefghijk a123456789
  a1b2c3d4e5 aa12345678 aaa1234567 qweasdzxc123 qweasdzxcrty 123qweasdzxc 123123123123 1231231234 1111122222 1212121212 1122334455
  1020304050 5555566666 7777788888 trustno123 whatever12 whatever123 summer2024 summer2025 summer2026 winter2024 winter2025 winter2026
  spring2025 spring2026 autumn2025 autumn2026 starwars12 starwars123 pokemon123 minecraft1 minecraft123 computer12 computer123
  internet12 internet123 correcthorsebatterystaple`.split(/\s+/),
);

/** One character, or a run of them, over and over; or the keys of a keyboard or the digits in a row. */
function isPattern(text: string): boolean {
  if (/^(.{1,4}?)\1+$/u.test(text)) return true;
  const codes = Array.from(text, (char) => char.codePointAt(0)!);
  const steps = codes.slice(1).map((code, index) => code - codes[index]!);
  return steps.every((step) => step === 1) || steps.every((step) => step === -1);
}

function weak(reason: "length" | "pwned" | "characters", message: string, hint: string): RowhouseError {
  return new RowhouseError("passwordWeak", { message, details: reason, hint });
}

/**
 * @returns the password
 * @throws RowhouseError passwordWeak, whose details are a reason as supabase's clients know them: length, pwned, characters
 */
export function checkPassword(password: string, email: string): string {
  const { length } = Array.from(password);
  if (length < SHORTEST || length > LONGEST) {
    const message = `A password has ${SHORTEST} to ${LONGEST} characters`;
    throw weak("length", message, "A few words that have nothing to do with each other are easy to keep in mind.");
  }
  if (!password.isWellFormed() || password.includes("\0"))
    throw weak("characters", "The password holds characters that can't be typed", "Leave them out.");
  const plain = password.toLowerCase();
  const address = email.toLowerCase();
  if (plain === address || plain === address.split("@")[0])
    throw weak("pwned", "The password is the e-mail address", "Choose one that nobody can know.");
  if (COMMON.has(plain) || isPattern(plain))
    throw weak("pwned", "The password is among those that are tried first", "Choose one that nobody else has.");
  return password;
}
