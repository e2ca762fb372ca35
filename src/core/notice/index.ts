export { describeNotice, isUrgent } from "./describe-notice.ts";
export { placeholders, unknownPlaceholder, type Template } from "./fill-template.ts";
export { cloudEvent, cloudEventHeaders, mailOf, slackMessage, teamsMessage, type Mail } from "./messages.ts";
export { routeNotice, type Routed, type Wishes } from "./route-notice.ts";
export { noticeEvents, type Message, type Notice, type Told } from "./types.ts";
