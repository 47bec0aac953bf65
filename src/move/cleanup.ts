import type { Endpoint } from "./endpoint.ts";
import type { Move } from "./move.ts";
import { dropPublication } from "./publication.ts";
import { forgetResource } from "./resource.ts";
import { point, type Run } from "./run.ts";
import { dropSlot } from "./slot.ts";
import { dropSubscription } from "./subscription.ts";

type Site = Pick<Run, "site" | "options">;

/** The subscriber's part of {@link dropChannel}; does not ask the other end. */
export async function dropSubscriber(run: Site, subscriber: Endpoint, name: string): Promise<void> {
  await dropSubscription(subscriber, name);
  await forgetResource(run.site.platform, { kind: "subscription", name, database: subscriber.name });
  await point(run, "subscription_dropped");
}

/** The publisher's. */
export async function dropPublisher(run: Site, publisher: Endpoint, name: string): Promise<void> {
  const { platform } = run.site;
  await dropSlot(publisher, name);
  await forgetResource(platform, { kind: "slot", name, database: publisher.name });
  await point(run, "slot_dropped");
  await dropPublication(publisher, name);
  await forgetResource(platform, { kind: "publication", name, database: publisher.name });
}

/**
 * Drops what carries changes from `publisher` to `subscriber`, the subscription first: it would lose its slot under its feet.
 * Again and again, if need be: what is not there is not dropped.
 */
export async function dropChannel(run: Site, publisher: Endpoint, subscriber: Endpoint, name: string): Promise<void> {
  await dropSubscriber(run, subscriber, name);
  await dropPublisher(run, publisher, name);
}

export async function removeWatermarks({ mover }: Endpoint, { tenantId }: Move): Promise<void> {
  await mover.query("delete from platform.move_watermarks where tenant_id = $1", [tenantId]);
}
