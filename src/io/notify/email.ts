import { mailOf } from "../../core/notice/index.ts";
import { messageOf } from "../../lib/index.ts";
import { mostTogether } from "./chat.ts";
import type { Channel } from "./types.ts";

export interface Mailbox {
  /** `smtps://user:password@host`, or `smtp://`. */
  readonly server: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Whether a server without STARTTLS is spoken to. */
  readonly plainText: boolean;
}

const patienceMs = 15_000;

/** Mail by SMTP (RFC 5321), over TLS or after STARTTLS (RFC 3207) unless plain text is allowed. `Message-ID` stays over all attempts: a mail that came twice is known by it. */
export function openEmail({ server, from, to, plainText }: Mailbox): Channel {
  return {
    atOnce: mostTogether,
    send: async ({ message }, signal) => {
      const { createTransport } = await import("nodemailer");
      const { protocol, hostname, port, username, password } = new URL(server);
      const isSecure = protocol === "smtps:";
      const transport = createTransport({
        host: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? (isSecure ? 465 : 587) : Number(port),
        secure: isSecure,
        requireTLS: !plainText,
        ...(username === ""
          ? {}
          : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
        connectionTimeout: patienceMs,
        greetingTimeout: patienceMs,
        socketTimeout: patienceMs,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      const stop = (): void => transport.close();
      signal.addEventListener("abort", stop, { once: true });
      try {
        signal.throwIfAborted();
        const { response } = await transport.sendMail({
          from: { name: "Tidemill", address: from },
          to: [...to],
          messageId: `<${message.id}@tidemill.invalid>`,
          headers: { "Auto-Submitted": "auto-generated" },
          ...mailOf(message),
        });
        return { kind: "sent", answer: response };
      } catch (error) {
        return { kind: "failed", problem: withoutPassword(messageOf(error), server), afterMs: undefined };
      } finally {
        signal.removeEventListener("abort", stop);
        transport.close();
      }
    },
  };
}

/** Servers repeat what they were given. */
function withoutPassword(text: string, server: string): string {
  const password = decodeURIComponent(new URL(server).password);
  return password === "" ? text : text.replaceAll(password, "***");
}
