import type { LinkKind } from "./links.ts";
import type { Mail } from "./outbox.ts";

/** What the mail of a link says around it. */
interface Words {
  readonly subject: (tenant: string) => string;
  readonly lead: (tenant: string, to: string) => string;
  /** On the button. */
  readonly act: string;
  readonly end: string;
}

const IGNORE = "If you did not ask for this, you can leave it: nothing changes.";

const WORDS: Readonly<Record<LinkKind, Words>> = {
  recovery: {
    subject: (tenant) => `Set a new password for ${tenant}`,
    lead: (tenant, to) => `Somebody asked to set a new password for ${to} at ${tenant}.`,
    act: "Set a new password",
    end: `The link works once, within an hour. ${IGNORE}`,
  },
  invitation: {
    subject: (tenant) => `You are invited to ${tenant}`,
    lead: (tenant) => `You have been invited to ${tenant}.`,
    act: "Accept the invitation",
    end: "The link works once, within seven days.",
  },
  confirmation: {
    subject: (tenant) => `Confirm your e-mail address for ${tenant}`,
    lead: (tenant, to) => `Please confirm that ${to} is your address, and your account at ${tenant} is ready.`,
    act: "Confirm the address",
    end: `The link works once, within a day. ${IGNORE}`,
  },
  email_change: {
    subject: (tenant) => `Confirm your new e-mail address for ${tenant}`,
    lead: (tenant, to) => `Please confirm that ${to} is to be your address at ${tenant} from now on.`,
    act: "Confirm the new address",
    end: `The link works once, within an hour. ${IGNORE}`,
  },
};

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escape = (text: string) => text.replaceAll(/[&<>"']/g, (found) => ENTITIES[found]!);
/** A tenant's name may not break out of the header that it stands in (CWE-93). */
const oneLine = (text: string) =>
  text
    .replaceAll(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, 200);

const pageOf = (subject: string, body: string) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(subject)}</title></head>
<body style="font-family:sans-serif;line-height:1.5;max-width:32rem">
${body}
</body></html>
`;

/** Pure. @param link its address, with the token in it */
export function writeLinkMail(kind: LinkKind, to: string, tenantName: string, link: string): Mail {
  const words = WORDS[kind];
  const tenant = oneLine(tenantName);
  const [subject, lead] = [words.subject(tenant), words.lead(tenant, to)];
  const html = pageOf(
    subject,
    `<p>${escape(lead)}</p>
<p><a href="${escape(link)}" style="display:inline-block;padding:.6em 1em;background:#1f2937;color:#fff;text-decoration:none;border-radius:4px">${escape(words.act)}</a></p>
<p style="color:#555">${escape(words.end)}</p>`,
  );
  return { kind, to, subject, text: `${lead}\n\n${words.act}: ${link}\n\n${words.end}\n`, html };
}

/** To the address that there was, when another one is asked for: its owner may be the last to know (ASVS 6.3.7). Pure. */
export function writeChangeNotice(to: string, newEmail: string, tenantName: string): Mail {
  const tenant = oneLine(tenantName);
  const subject = `Your e-mail address for ${tenant} is to change`;
  const lead = `Somebody who is signed in as ${to} at ${tenant} asked to change this address to ${newEmail}.`;
  const end =
    "If it was you, follow the link that was sent there. If not, set a new password: that ends the link and every other sign-in.";
  const html = pageOf(subject, `<p>${escape(lead)}</p>\n<p>${escape(end)}</p>`);
  return { kind: "email_change_notice", to, subject, text: `${lead}\n\n${end}\n`, html };
}
