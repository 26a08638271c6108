// The report of a backtest, from its headline to the settings it ran with.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function backtest(data) {
    const { document: run, curve, honesty } = data;
    const { stats } = run;
    const strategies = Object.entries(data.settings.strategies || {}).map(([id, one]) => {
        const settings = settingsText(one.params);
        return settings ? `${id} (${settings})` : id;
    });
    const span = curve.t.length ? `${moment(curve.t[0], false)} to ${moment(curve.t.at(-1), false)}` : NONE;
    heading(
        strategies.join(", ") || "Backtest",
        `${span} · ${count(run.bars)} bars · ${count(stats.sessions)} sessions · from ${money(data.starting_cash)} ${data.currency}`,
    );
    headline(run, stats);
    const { is_clean: isClean = true, told: lookahead = [] } = honesty.lookahead || {};
    doubts("What to doubt", [
        ...(isClean ? [] : lookahead),
        ...(run.balanced ? [] : [`The books do not balance: ${run.faults.join("; ")}.`]),
        ...stats.warnings,
    ]);
    if (isClean) page.append(...lookahead.map((one) => make("p", { class: "soft" }, one)));
    if (curve.x.length > 1) equity(curve, stats);
    if (Object.keys(data.symbols.shown).length) trading(data.symbols);
    months(stats.monthly);
    if (data.rolling) rolling(data.rolling);
    distributions(data);
    figures(run, stats);
    costs(stats, honesty.costs);
    parts("By strategy", "Strategy", stats.by_strategy);
    parts("By symbol", "Symbol", stats.by_symbol);
    roundTrips(data.trades);
    section("What it ran with", folded("Settings", data.settings), folded("Result", run));
}

function headline(run, stats) {
    const beside = stats.benchmark;
    cards([
        ["Total return", share(stats.total_return), tone(stats.total_return)],
        ["A year", share(stats.annual_return), tone(stats.annual_return)],
        ["Benchmark", beside ? share(beside.total_return) : NONE, beside ? tone(beside.total_return) : ""],
        ["Max drawdown", share(stats.max_drawdown), tone(stats.max_drawdown)],
        ["Sharpe", number(stats.sharpe)],
        ["Volatility", share(stats.volatility)],
        ["Trades", count(stats.trades)],
        ["Win rate", share(stats.win_rate)],
        ["Costs", money(stats.costs.total)],
        ["Equity", money(Number(run.equity))],
    ]);
}

function equity(curve, stats) {
    const holder = section("Equity and drawdown");
    // A benchmark that dwarfs the account hides it: it waits in the legend.
    const dwarfs = curve.benchmark && highest(curve.benchmark) > 4 * highest(curve.equity);
    const label = () =>
        `Equity went from ${money(curve.equity[0])} to ${money(curve.equity.at(-1))}, between ` +
        `${money(lowest(curve.equity))} and ${money(highest(curve.equity))}; the deepest drawdown was ${share(stats.max_drawdown)}.`;
    chart(
        holder,
        label,
        () => {
            const series = [line("Equity", curve, curve.equity, { lineStyle: { width: 1.8 }, z: 3 })];
            if (curve.benchmark)
                series.push(
                    line("Benchmark", curve, curve.benchmark, { lineStyle: { width: 1.2, type: "dashed" } }),
                );
            series.push(
                line("Drawdown", curve, curve.drawdown, {
                    xAxisIndex: 1,
                    yAxisIndex: 1,
                    areaStyle: { opacity: 0.25 },
                    lineStyle: { width: 1 },
                }),
            );
            const percent = {
                color: colour("soft"),
                formatter: (value) => `${Math.round(value * 1000) / 10} %`,
            };
            return {
                ...base(),
                legend: { ...base().legend, selected: { Benchmark: !dwarfs } },
                color: [colour("accent"), ...(curve.benchmark ? [colour("other")] : []), colour("loss")],
                grid: [
                    { left: 52, right: 14, top: 34, height: "48%" },
                    { left: 52, right: 14, top: "66%", bottom: 62 },
                ],
                axisPointer: { link: [{ xAxisIndex: "all" }] },
                xAxis: [unlabelled(along(curve)), along(curve, { gridIndex: 1 })],
                yAxis: [
                    upright(),
                    upright({
                        gridIndex: 1,
                        max: 0,
                        min: (found) => (found.min < 0 ? null : -0.01),
                        splitNumber: 2,
                        axisLabel: percent,
                    }),
                ],
                tooltip: { ...base().tooltip, formatter: tip(curve, { Drawdown: share }) },
                dataZoom: zoom([0, 1]),
                series,
            };
        },
        "tall",
    );
    if (curve.benchmark)
        holder.append(
            make(
                "p",
                { class: "soft" },
                `Benchmark: ${curve.benchmark_name}. The legend shows and hides a line.`,
            ),
        );
}

/** The axis above another: its labels take the same room, so that both end at the same place. */
const unlabelled = (axis) => ({ ...axis, axisLabel: { ...axis.axisLabel, color: "transparent" } });

function trading({ traded, shown }) {
    const names = Object.keys(shown);
    const choice = make(
        "select",
        { "aria-label": "Symbol" },
        ...names.map((name) => make("option", { value: name }, name)),
    );
    const told = make("p", { class: "soft" });
    const holder = section("Trades on price", make("div", { class: "row" }, told, choice));
    const say = () => {
        const { one_fill_in: step, fills_count: all } = shown[choice.value];
        const fills = `${count(all)} fills${step > 1 ? `, one in ${step} is shown` : ""}`;
        told.textContent =
            names.length < traded
                ? `${fills}; the ${names.length} most traded of ${count(traded)} symbols`
                : fills;
    };
    const label = () =>
        `Closes of ${choice.value} and its ${count(shown[choice.value].fills_count)} fills; the largest trades are in the table below.`;
    const made = chart(holder, label, () => tradesOnPrice(shown[choice.value]), "tall");
    made.zoomed = (drawn) => {
        const { fills } = shown[choice.value];
        const [{ startValue, endValue }] = drawn.getOption().dataZoom;
        const seen = fills.x.reduce((sum, x) => sum + (x >= startValue && x <= endValue), 0);
        drawn.setOption({ series: [{}, { symbolSize: markSize(seen) }, { symbolSize: markSize(seen) }] });
    };
    choice.addEventListener("change", () => {
        say();
        draw(made);
    });
    say();
}

const markSize = (seen) => (seen > 300 ? 5 : seen > 100 ? 7 : 10);

function tradesOnPrice(one) {
    const { fills, splits } = one;
    const marks = (name, sign) => ({
        name,
        type: "scatter",
        symbol: "triangle",
        symbolSize: markSize(fills.x.length),
        symbolRotate: sign < 0 ? 180 : 0,
        z: 4,
        data: fills.x
            .map((x, place) => [x, fills.price[place], place])
            .filter(([, , place]) => fills.quantity[place] * sign > 0),
    });
    const cuts = {
        silent: true,
        symbol: "none",
        lineStyle: { color: colour("other") },
        data: splits.x.map((x, place) => ({
            xAxis: x,
            label: { formatter: `split ${amount(splits.ratio[place])}:1`, color: colour("soft") },
        })),
    };
    const formatter = (found) => {
        const place = found.value[2];
        if (place === undefined) return "";
        const done = `${fills.quantity[place] > 0 ? "bought" : "sold"} ${amount(Math.abs(fills.quantity[place]))} at ${amount(fills.price[place])}`;
        return bubble(`${moment(fills.t[place])} UTC`, done, fills.strategy[place]);
    };
    return {
        ...base(),
        color: [colour("other"), colour("gain"), colour("loss")],
        xAxis: along(one),
        yAxis: upright({ axisLabel: { color: colour("soft"), formatter: (value) => plain.format(value) } }),
        tooltip: { ...base().tooltip, trigger: "item", formatter },
        dataZoom: zoom([0]),
        series: [line("Close", one, one.close, { markLine: cuts }), marks("Bought", 1), marks("Sold", -1)],
    };
}

function months(monthly) {
    const years = [...new Set(Object.keys(monthly).map((month) => month.slice(0, 4)))];
    if (!years.length) return;
    const rows = years.map((year) => {
        const values = MONTHS.map((_, place) => monthly[`${year}-${String(place + 1).padStart(2, "0")}`]);
        return [year, [...values, values.filter(known).reduce((grown, value) => grown * (1 + value), 1) - 1]];
    });
    const most = Math.max(0.01, ...Object.values(monthly).map(Math.abs));
    section(
        "Months, %",
        heatTable(
            "Returns by month, %",
            "Year",
            [...MONTHS, "All"],
            rows,
            (value) => plain.format(value * 100),
            most,
        ),
    );
}

function rolling({ sessions, date, sharpe }) {
    const points = { x: date.map((_, place) => place), t: date.map((one) => Date.parse(one)) };
    const found = sharpe.filter(known);
    const label = () =>
        `The Sharpe ratio of ${sessions} sessions was between ${number(lowest(found))} and ${number(highest(found))}, ${number(found.at(-1))} at the end.`;
    const zero = {
        silent: true,
        symbol: "none",
        label: { show: false },
        data: [{ yAxis: 0 }],
        lineStyle: { color: colour("other") },
    };
    chart(section(`Sharpe ratio of ${sessions} sessions`), label, () => ({
        ...base(),
        legend: { show: false },
        color: [colour("accent")],
        grid: { ...base().grid, top: 12 },
        xAxis: along(points),
        yAxis: upright(),
        tooltip: {
            ...base().tooltip,
            formatter: ([one]) =>
                bubble(moment(points.t[one.value[0]], false), `Sharpe: ${number(one.value[1])}`),
        },
        dataZoom: zoom([0]),
        series: [line("Sharpe", points, sharpe, { markLine: zero })],
    }));
}

function distributions({ returns, profits }) {
    const pair = make("div", { class: "pair" });
    for (const [title, bins, spell] of [
        ["Returns of sessions", returns, share],
        ["Profits of trades", profits, money],
    ]) {
        if (!bins) continue;
        const holder = make("section", {}, make("h2", {}, title));
        pair.append(holder);
        bars(holder, title, bins, spell);
    }
    if (pair.childElementCount) page.append(pair);
}

function figures(run, stats) {
    const beside = stats.benchmark || {};
    const fall = stats.drawdown || {};
    const groups = [
        [
            "Return and risk",
            [
                ["Total return", share(stats.total_return)],
                ["Annual return", share(stats.annual_return)],
                ["Volatility", share(stats.volatility)],
                ["Sharpe", number(stats.sharpe)],
                ["Probability that it is above zero", share(stats.probabilistic_sharpe)],
                ["Sortino", number(stats.sortino)],
                ["Calmar", number(stats.calmar)],
                ["Omega", number(stats.omega)],
                ["Tail ratio", number(stats.tail_ratio)],
                ["Skew", number(stats.skew)],
                ["Kurtosis", number(stats.kurtosis)],
                ["VaR 95 %, a session", share(stats.var_95)],
                ["CVaR 95 %", share(stats.cvar_95)],
                ["Modified VaR 95 %", share(stats.modified_var_95)],
                ["Best session", share(stats.best_session)],
                ["Worst session", share(stats.worst_session)],
            ],
        ],
        [
            "Trading",
            [
                ["Closed trades", count(stats.trades)],
                ["Open trades", count(stats.open_trades)],
                ["Win rate", share(stats.win_rate)],
                ["Profit factor", number(stats.profit_factor)],
                ["Expectancy", money(stats.expectancy)],
                ["Payoff", number(stats.payoff)],
                ["Best trade", money(stats.best_trade)],
                ["Worst trade", money(stats.worst_trade)],
                ["Mean holding time", duration(stats.holding_s_mean)],
                ["Time in market", share(stats.time_in_market)],
                ["Exposure, mean", share(stats.exposure_mean)],
                ["Exposure, highest", share(stats.exposure_max)],
                ["Turnover a year", number(stats.turnover)],
                ["Signals", count(run.signals)],
                ["Denied", count(run.denied)],
                ["Fills", count(run.fills)],
            ],
        ],
        [
            "Drawdown",
            [
                ["Max drawdown", share(stats.max_drawdown)],
                ["Peak", isoMoment(fall.peak)],
                ["Trough", isoMoment(fall.trough)],
                ["Recovered", fall.peak && !fall.recovery ? "not yet" : isoMoment(fall.recovery)],
                [
                    "Longest below a peak",
                    known(fall.longest_days) ? duration(fall.longest_days * 86_400) : NONE,
                ],
            ],
        ],
        [
            "Benchmark",
            stats.benchmark
                ? [
                      ["Name", beside.name],
                      ["Total return", share(beside.total_return)],
                      ["Sharpe", number(beside.sharpe)],
                      ["Alpha a year", share(beside.alpha)],
                      ["Beta", number(beside.beta)],
                      ["Correlation", number(beside.correlation)],
                      ["Tracking error", share(beside.tracking_error)],
                      ["Information ratio", number(beside.information_ratio)],
                  ]
                : [],
        ],
    ].filter(([, rows]) => rows.length);
    page.append(
        make(
            "div",
            { class: "pair" },
            ...groups.map(([title, rows]) => make("section", {}, make("h2", {}, title), pairs(title, rows))),
        ),
    );
}

const ACRONYMS = { sec: "SEC fee", taf: "FINRA TAF", cat: "FINRA CAT" };

function costs(stats, sensitivity) {
    const { total, ...kinds } = stats.costs;
    if (!total && !stats.traded) return;
    const rows = Object.entries(kinds).map(([kind, paid]) => ({
        kind: ACRONYMS[kind] || capital(kind),
        paid,
    }));
    const columns = [
        ["Kind", (row) => row.kind, String],
        ["Paid", (row) => row.paid, money],
        ["Of all costs", (row) => (total ? row.paid / total : null), share],
        ["Basis points", (row) => (stats.traded ? (row.paid / stats.traded) * 1e4 : null), number],
    ];
    const holder = section("Costs", table("Costs by kind", columns, [...rows, { kind: "All", paid: total }]));
    holder.append(
        make("p", { class: "soft" }, `Basis points are those of the ${money(stats.traded)} traded.`),
    );
    if (!sensitivity) return;
    const { factors, profit, told } = sensitivity;
    const lines = profit.map((values, place) => [`commission × ${factors[place]}`, values]);
    const heads = factors.map((factor) => `slippage × ${factor}`);
    const most = Math.max(...profit.flat().map(Math.abs));
    holder.append(
        make("h3", {}, "Profit if trading cost something else"),
        heatTable("Profit by costs", "Costs", heads, lines, money, most),
        make("p", {}, told),
    );
}

function parts(title, what, found) {
    const rows = Object.entries(found).map(([name, one]) => ({ name, ...one }));
    if (!rows.length) return;
    rows.sort((a, b) => Math.abs(b.profit) - Math.abs(a.profit));
    section(
        title,
        table(
            title,
            [
                [what, (row) => row.name, String],
                ["Profit", (row) => row.profit, money, tone],
                ["Fees", (row) => row.fees, money],
                ["Trades", (row) => row.trades, count],
                ["Win rate", (row) => row.win_rate, share],
            ],
            rows,
        ),
    );
}

function roundTrips({ count: all, shown }) {
    if (!shown.length) return;
    const title =
        shown.length < all
            ? `The ${count(shown.length)} largest of ${count(all)} trades`
            : `All ${count(all)} trades`;
    const columns = [
        ["Exit, UTC", (row) => row.exit, (value) => (known(value) ? moment(value) : "open")],
        ["Symbol", (row) => row.symbol, String],
        ["Profit", (row) => row.profit, money, tone],
        ["Strategy", (row) => row.strategy, String],
        ["Side", (row) => (row.is_long ? "long" : "short"), String],
        ["Quantity", (row) => row.quantity, amount],
        ["Entry, UTC", (row) => row.entry, (value) => moment(value)],
        ["Entry price", (row) => row.entry_price, number],
        ["Exit price", (row) => row.exit_price, number],
        ["Fees", (row) => row.fees, money],
    ];
    section(title, table(title, columns, shown));
}
