"use strict";
// How numbers, money and times are spelt. Everything is UTC, as in the run itself.

const NONE = "–";
const DAY_MS = 86_400_000;

const plain = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en-US", { maximumFractionDigits: 6 });

const known = (value) => typeof value === "number" && Number.isFinite(value);
const spelt = (format) => (value) => (known(value) ? format.format(value) : NONE);
const money = spelt(plain);
const number = spelt(plain);
const count = spelt(whole);
const amount = spelt(exact);
const share = (value) => (known(value) ? `${plain.format(value * 100)} %` : NONE);

/** A time in milliseconds since 1970 as a date, or as a date and a minute. */
function moment(ms, withTime = true) {
    if (!known(ms)) return NONE;
    const text = new Date(ms).toISOString();
    return withTime ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(0, 10);
}

const isoMoment = (iso) => (iso ? moment(Date.parse(iso)) : NONE);

function duration(seconds) {
    if (!known(seconds)) return NONE;
    if (seconds >= 172_800) return `${plain.format(seconds / 86_400)} days`;
    if (seconds >= 7_200) return `${plain.format(seconds / 3_600)} h`;
    return `${plain.format(seconds / 60)} min`;
}

/** The class that colours a gain or a loss; the sign in the text says it, too. */
const tone = (value) => (known(value) && value < 0 ? "loss" : known(value) && value > 0 ? "gain" : "");

const settingsText = (settings) =>
    Object.entries(settings || {})
        .map(([name, value]) => `${name}=${known(value) ? amount(value) : value}`)
        .join(" ");

const lowest = (values) => values.reduce((low, value) => Math.min(low, value), Infinity);
const highest = (values) => values.reduce((high, value) => Math.max(high, value), -Infinity);

/** A key of the result as the words of a title. */
const capital = (key) => key.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());
