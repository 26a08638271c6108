"use strict";
// Draws what stands in #data. Text from the data is only ever set as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const page = document.getElementById("page");
  const charts = [];

  // ---- Spelling -------------------------------------------------------------------------------
  const plain = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
  const none = "–";
  const known = (value) => typeof value === "number" && Number.isFinite(value);
  const money = (value) => (known(value) ? plain.format(value) : none);
  const number = (value) => (known(value) ? plain.format(value) : none);
  const count = (value) => (known(value) ? whole.format(value) : none);
  const share = (value) => (known(value) ? `${plain.format(value * 100)} %` : none);
  const spell = (ms, withTime) => {
    const text = new Date(ms).toISOString();
    return withTime ? `${text.slice(0, 10)} ${text.slice(11, 16)}` : text.slice(0, 10);
  };
  const when = (iso) => (iso ? iso.slice(0, 16).replace("T", " ") : none);
  const duration = (seconds) => {
    if (!known(seconds)) return none;
    if (seconds >= 172800) return `${plain.format(seconds / 86400)} days`;
    return seconds >= 7200 ? `${plain.format(seconds / 3600)} h` : `${plain.format(seconds / 60)} min`;
  };
  const tone = (value) => (known(value) && value < 0 ? "loss" : known(value) && value > 0 ? "gain" : "");

  // ---- Elements -------------------------------------------------------------------------------
  function make(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) if (value !== "") element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  function section(title, ...children) {
    const found = make("section", {}, make("h2", {}, title), ...children);
    page.append(found);
    return found;
  }
  function table(head, rows, name) {
    const line = make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) =>
      Array.isArray(cell) ? make("td", { class: cell[1] }, cell[0]) : make("td", {}, cell))));
    const found = make("table", { "aria-label": name }, make("thead", {}, line), make("tbody", {}, ...body));
    return make("div", { class: "scroll" }, found);
  }
  function chart(holder, label, option, tall) {
    const box = make("div", { class: tall ? "chart tall" : "chart", role: "img", "aria-label": label });
    holder.append(box);
    charts.push({ box, option, drawn: null });
  }
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  // ---- Charts ---------------------------------------------------------------------------------
  function base() {
    return {
      animation: false,
      textStyle: { color: colour("soft"), fontFamily: "inherit" },
      grid: { left: 8, right: 14, top: 34, bottom: 44, containLabel: true },
      tooltip: {
        trigger: "axis", confine: true, backgroundColor: colour("panel"), borderColor: colour("line"),
        textStyle: { color: colour("text"), fontSize: 12 }, axisPointer: { lineStyle: { color: colour("other") } },
      },
      legend: { top: 0, left: 0, icon: "roundRect", itemWidth: 12, itemHeight: 4, textStyle: { color: colour("soft") } },
    };
  }
  function upright(extra) {
    return {
      type: "value", scale: true, splitNumber: 4, axisLine: { show: false }, splitLine: { lineStyle: { color: colour("line") } },
      axisLabel: { color: colour("soft"), formatter: (value) => short.format(value) }, ...extra,
    };
  }
  // An axis of places, not of time: nights and weekends take no room. Its labels are the times.
  function along(points, extra) {
    const { x, t } = points;
    const days = t.length ? (t[t.length - 1] - t[0]) / 86400000 : 0;
    const timeAt = (place) => {
      let low = 0, high = x.length - 1;
      while (low < high) { const middle = (low + high) >> 1; if (x[middle] < place) low = middle + 1; else high = middle; }
      return t[low];
    };
    return {
      type: "value", min: x[0], max: x[x.length - 1], splitNumber: 5, splitLine: { show: false },
      axisLine: { lineStyle: { color: colour("line") } }, axisTick: { show: false },
      axisLabel: { color: colour("soft"), hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: (place) => spell(timeAt(place), days < 15) },
      axisPointer: { label: { show: false } }, ...extra,
    };
  }
  function zoom(axes) {
    return [
      { type: "inside", xAxisIndex: axes, zoomOnMouseWheel: "ctrl", moveOnMouseMove: true },
      { type: "slider", xAxisIndex: axes, height: 18, bottom: 8, showDetail: false, borderColor: colour("line"),
        fillerColor: colour("line"), textStyle: { color: colour("soft") }, handleSize: "120%" },
    ];
  }
  const line = (name, points, values, extra) => ({
    name, type: "line", showSymbol: false, lineStyle: { width: 1.4 }, data: points.x.map((x, i) => [x, values[i]]), ...extra,
  });
  function tip(points, spellings) {
    const at = new Map(points.x.map((x, i) => [x, points.t[i]]));
    return (found) => {
      const items = Array.isArray(found) ? found : [found];
      if (!items.length) return "";
      const box = make("div", {}, make("div", {}, `${spell(at.get(items[0].value[0]), true)} UTC`));
      for (const one of items) {
        const spelt = (spellings[one.seriesName] || number)(one.value[1]);
        box.append(make("div", {}, `${one.seriesName}: ${spelt}`));
      }
      return box;
    };
  }

  // ---- A backtest -----------------------------------------------------------------------------
  function backtest() {
    const { document: run, curve } = data;
    const { stats } = run;
    const from = curve.t.length ? spell(curve.t[0]) : none, to = curve.t.length ? spell(curve.t[curve.t.length - 1]) : none;
    const strategies = Object.entries(data.settings.strategies || {}).map(([id, one]) => {
      const settings = Object.entries(one.params || {}).map(([name, value]) => `${name}=${value}`).join(" ");
      return settings ? `${id} (${settings})` : id;
    });
    heading(strategies.join(", ") || "Backtest",
      `${from} to ${to} · ${count(run.bars)} bars · ${count(stats.sessions)} sessions · from ${money(data.starting_cash)} ${data.currency}`);
    const beside = stats.benchmark;
    cards([
      ["Total return", share(stats.total_return), tone(stats.total_return)],
      ["A year", share(stats.annual_return), tone(stats.annual_return)],
      ["Benchmark", beside ? share(beside.total_return) : none, beside ? tone(beside.total_return) : ""],
      ["Sharpe", number(stats.sharpe)], ["Max drawdown", share(stats.max_drawdown), tone(stats.max_drawdown)],
      ["Volatility", share(stats.volatility)], ["Trades", count(stats.trades)], ["Win rate", share(stats.win_rate)],
      ["Costs", money(stats.costs.total)], ["Equity", money(Number(run.equity))],
    ]);
    const doubts = [...stats.warnings, ...(run.balanced ? [] : [`The books do not balance: ${run.faults.join("; ")}.`])];
    if (doubts.length) page.append(make("aside", { class: "doubts", "aria-label": "What to doubt" }, make("ul", {}, ...doubts.map((one) => make("li", {}, one)))));
    if (curve.x.length > 1) equity(curve);
    if (Object.keys(data.symbols.shown).length) trading(data.symbols);
    months(stats.monthly);
    spreads();
    figures(run, stats);
    parts("By strategy", stats.by_strategy);
    parts("By symbol", stats.by_symbol);
    honesty();
    section("What it ran with", folded("Settings", data.settings), folded("Result", run));
  }

  function heading(title, told) {
    const button = make("button", { type: "button", "aria-label": "Switch between light and dark" }, "◐");
    button.addEventListener("click", () => theme(root.dataset.theme === "dark" ? "light" : "dark"));
    page.append(make("header", {}, make("div", {}, make("h1", {}, title), make("p", { class: "soft" }, told)), button));
  }
  function cards(rows) {
    page.append(make("dl", { class: "cards" }, ...rows.map(([name, value, mood]) =>
      make("div", {}, make("dt", {}, name), make("dd", { class: mood || "" }, value)))));
  }
  function equity(curve) {
    const holder = section("Equity and drawdown");
    chart(holder, "Equity, the benchmark, and how far below its peak the account was", () => {
      const series = [line("Equity", curve, curve.equity, { lineStyle: { width: 1.8 }, z: 3 })];
      // A benchmark that dwarfs the account hides it: it waits in the legend.
      const dwarfs = curve.benchmark && Math.max(...curve.benchmark) > 4 * Math.max(...curve.equity);
      if (curve.benchmark) series.push(line("Benchmark", curve, curve.benchmark, { lineStyle: { width: 1.2, type: "dashed" } }));
      series.push(line("Drawdown", curve, curve.drawdown, { xAxisIndex: 1, yAxisIndex: 1, areaStyle: { opacity: 0.25 }, lineStyle: { width: 1 } }));
      return {
        ...base(), legend: { ...base().legend, selected: { Benchmark: !dwarfs } }, color: [colour("accent"), ...(curve.benchmark ? [colour("other")] : []), colour("loss")],
        grid: [{ left: 8, right: 14, top: 34, height: "52%", containLabel: true }, { left: 8, right: 14, top: "71%", bottom: 44, containLabel: true }],
        axisPointer: { link: [{ xAxisIndex: "all" }] },
        xAxis: [along(curve, { axisLabel: { show: false } }), along(curve, { gridIndex: 1 })],
        yAxis: [upright(), upright({ gridIndex: 1, max: 0, splitNumber: 2, axisLabel: { color: colour("soft"), formatter: (v) => `${Math.round(v * 1000) / 10} %` } })],
        tooltip: { ...base().tooltip, formatter: tip(curve, { Drawdown: share }) },
        dataZoom: zoom([0, 1]), series,
      };
    }, true);
    if (curve.benchmark) holder.append(make("p", { class: "soft" }, `Benchmark: ${curve.benchmark_name}. The legend shows and hides a line.`));
  }
  function trading({ traded, shown }) {
    const names = Object.keys(shown);
    const choice = make("select", { "aria-label": "Symbol" }, ...names.map((name) => make("option", { value: name }, name)));
    const told = make("p", { class: "soft" });
    const holder = section("Trades on price", make("div", { class: "row" }, told, choice));
    const say = () => {
      const { one_fill_in: step, fills } = shown[choice.value];
      const some = step > 1 ? `one fill in ${step} is shown` : `${count(fills.x.length)} fills`;
      told.textContent = names.length < traded ? `${some}; the ${names.length} most traded of ${count(traded)} symbols` : some;
    };
    const place = charts.length;
    choice.addEventListener("change", () => { say(); draw(charts[place], true); });
    say();
    chart(holder, "Closes, and where it bought and sold", () => {
      const one = shown[choice.value], { fills } = one;
      const marks = (name, sign, symbol) => ({
        name, type: "scatter", symbol, symbolSize: 8, symbolRotate: sign < 0 ? 180 : 0, z: 4,
        data: fills.x.map((x, i) => [x, fills.price[i], i]).filter(([, , i]) => fills.quantity[i] * sign > 0),
        tooltip: { trigger: "item" },
      });
      return {
        ...base(), color: [colour("other"), colour("gain"), colour("loss")], xAxis: along(one), yAxis: upright({ axisLabel: { color: colour("soft"), formatter: (v) => plain.format(v) } }),
        tooltip: { ...base().tooltip, trigger: "item", formatter: (found) => {
          const i = found.value[2];
          if (i === undefined) return "";
          const box = make("div", {}, make("div", {}, `${spell(fills.t[i], true)} UTC`));
          box.append(make("div", {}, `${fills.quantity[i] > 0 ? "bought" : "sold"} ${Math.abs(fills.quantity[i])} at ${fills.price[i]}`));
          box.append(make("div", {}, fills.strategy[i]));
          return box;
        } },
        dataZoom: zoom([0]), series: [line("Close", one, one.close), marks("Bought", 1, "triangle"), marks("Sold", -1, "triangle")],
      };
    }, true);
  }
  // From red over nothing to green; the text stays in the page's own colour.
  const shade = (value, most) => {
    const strength = Math.min(Math.abs(value) / most, 1) * 62;
    return `background: color-mix(in srgb, var(--${value < 0 ? "loss" : "gain"}) ${strength.toFixed(0)}%, transparent)`;
  };
  function months(monthly) {
    const years = [...new Set(Object.keys(monthly).map((month) => month.slice(0, 4)))];
    if (!years.length) return;
    const most = Math.max(0.01, ...Object.values(monthly).map((value) => Math.abs(value)));
    const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const head = make("tr", {}, ...["", ...names, "Year"].map((name) => make("th", { scope: "col" }, name)));
    const rows = years.map((year) => {
      const values = names.map((_, i) => monthly[`${year}-${String(i + 1).padStart(2, "0")}`]);
      const all = values.filter(known).reduce((grown, value) => grown * (1 + value), 1) - 1;
      const cell = (value, most) => (known(value) ? make("td", { style: shade(value, most) }, plain.format(value * 100)) : make("td", {}, ""));
      return make("tr", {}, make("th", { scope: "row" }, year), ...values.map((value) => cell(value, most)), cell(all, most * 3));
    });
    section("Months, %", make("div", { class: "scroll" }, make("table", { class: "heat", "aria-label": "Returns by month" }, make("thead", {}, head), make("tbody", {}, ...rows))));
  }
  function spreads() {
    if (data.rolling) {
      const { rolling } = data;
      const points = { x: rolling.date.map((_, i) => i), t: rolling.date.map((date) => Date.parse(date)) };
      chart(section(`Sharpe ratio of ${rolling.sessions} sessions`), "Rolling Sharpe ratio", () => ({
        ...base(), legend: { show: false }, color: [colour("accent")], grid: { ...base().grid, top: 12 }, xAxis: along(points), yAxis: upright(),
        tooltip: { ...base().tooltip, formatter: tip(points, {}) }, dataZoom: zoom([0]),
        series: [line("Sharpe", points, rolling.sharpe, { markLine: { silent: true, symbol: "none", label: { show: false }, data: [{ yAxis: 0 }], lineStyle: { color: colour("other") } } })],
      }));
    }
    const pair = make("div", { class: "pair" });
    for (const [title, bins, spelt] of [["Returns of sessions", data.returns, share], ["Profit of trades", data.trades, money]]) {
      if (!bins) continue;
      const holder = make("section", {}, make("h2", {}, title));
      pair.append(holder);
      chart(holder, title, () => ({
        ...base(), legend: { show: false }, grid: { ...base().grid, top: 12, bottom: 8 },
        xAxis: { type: "category", data: bins.from.map((from) => spelt(from)), axisTick: { show: false }, axisLine: { lineStyle: { color: colour("line") } }, axisLabel: { color: colour("soft"), hideOverlap: true } },
        yAxis: upright({ minInterval: 1 }),
        tooltip: { ...base().tooltip, formatter: ([one]) => make("div", {}, `${spelt(bins.from[one.dataIndex])} to ${spelt(bins.from[one.dataIndex] + bins.width)}: ${count(one.value)}`) },
        series: [{ type: "bar", barCategoryGap: "6%", data: bins.count.map((held, i) => ({ value: held, itemStyle: { color: colour(bins.from[i] + bins.width / 2 < 0 ? "loss" : "gain") } })) }],
      }));
    }
    if (pair.childElementCount) page.append(pair);
  }
  function figures(run, stats) {
    const beside = stats.benchmark || {}, fall = stats.drawdown || {};
    const groups = [
      ["Return and risk", [
        ["Total return", share(stats.total_return)], ["Annual return", share(stats.annual_return)], ["Volatility", share(stats.volatility)],
        ["Sharpe", number(stats.sharpe)], ["Probability that it is above zero", share(stats.probabilistic_sharpe)], ["Sortino", number(stats.sortino)],
        ["Calmar", number(stats.calmar)], ["Omega", number(stats.omega)], ["Tail ratio", number(stats.tail_ratio)], ["Skew", number(stats.skew)],
        ["Kurtosis", number(stats.kurtosis)], ["VaR 95 %, a session", share(stats.var_95)], ["CVaR 95 %", share(stats.cvar_95)],
        ["Best session", share(stats.best_session)], ["Worst session", share(stats.worst_session)],
      ]],
      ["Drawdown and benchmark", [
        ["Max drawdown", share(stats.max_drawdown)], ["Peak", when(fall.peak)], ["Trough", when(fall.trough)],
        ["Recovered", when(fall.recovery)], ["Longest below a peak", fall.longest_days ? duration(fall.longest_days * 86400) : none],
        ["Benchmark", share(beside.total_return)], ["Its Sharpe", number(beside.sharpe)], ["Alpha a year", share(beside.alpha)], ["Beta", number(beside.beta)],
        ["Correlation", number(beside.correlation)], ["Tracking error", share(beside.tracking_error)], ["Information ratio", number(beside.information_ratio)],
      ]],
      ["Trading", [
        ["Closed trades", count(stats.trades)], ["Open trades", count(stats.open_trades)], ["Win rate", share(stats.win_rate)], ["Profit factor", number(stats.profit_factor)],
        ["Expectancy", money(stats.expectancy)], ["Payoff", number(stats.payoff)], ["Best trade", money(stats.best_trade)], ["Worst trade", money(stats.worst_trade)],
        ["Mean holding time", duration(stats.holding_s_mean)], ["Time in market", share(stats.time_in_market)], ["Exposure, mean", share(stats.exposure_mean)],
        ["Exposure, highest", share(stats.exposure_max)], ["Turnover a year", number(stats.turnover)], ["Signals", count(run.signals)], ["Denied", count(run.denied)], ["Fills", count(run.fills)],
      ]],
      ["Costs", Object.entries(stats.costs).map(([name, value]) => [name.replaceAll("_", " "), money(value)])],
    ];
    page.append(make("div", { class: "pair" }, ...groups.map(([title, rows]) => make("section", {}, make("h2", {}, title), table(["", ""], rows, title)))));
  }
  function parts(title, found) {
    const rows = Object.entries(found).sort(([, a], [, b]) => Math.abs(b.profit) - Math.abs(a.profit));
    if (rows.length < 2) return;
    section(title, table(["", "Profit", "Fees", "Trades", "Win rate"], rows.map(([name, one]) =>
      [name, [money(one.profit), tone(one.profit)], money(one.fees), count(one.trades), share(one.win_rate)]), title));
  }
  function honesty() {
    for (const [title, lines] of Object.entries(data.honesty || {})) section(title, ...lines.map((one) => make("p", {}, one)));
  }
  function folded(title, value) {
    return make("details", {}, make("summary", {}, title), make("pre", {}, JSON.stringify(value, null, 2)));
  }

  // ---- A search -------------------------------------------------------------------------------
  function search() {
    const found = data.document, spelt = (settings) => Object.entries(settings || {}).map(([name, value]) => `${name}=${value}`).join(" ");
    const tried = found.trials.filter((one) => known(one.value)).sort((a, b) => b.value - a.value);
    heading(`Search: ${Object.keys(data.settings).join(", ")}`, `${count(found.different)} settings tried, by ${found.metric}`);
    cards([
      ["Out of sample Sharpe", number(found.out_of_sample_sharpe), tone(found.out_of_sample_sharpe)], [`Best ${found.metric}, in sample`, found.best ? number(found.best.value) : none],
      ["Better than luck", share(found.deflated_sharpe)], ["Trials", count(found.trials.length)],
    ]);
    page.append(make("aside", { class: "doubts", "aria-label": "What to doubt" }, make("p", {}, data.doubt)));
    if (found.out_of_sample.length) section("Out of sample", table(["Tested", "Settings of its past", `${found.metric} then`, `${found.metric} inside`, "Return", "Trades"],
      found.out_of_sample.map((one) => [`${one.test[0].slice(0, 10)} to ${one.test[1].slice(0, 10)}`, spelt(one.settings) || "nothing was traded",
        [number(one.out_of_sample), tone(one.out_of_sample)], number(one.in_sample), share(one.total_return), count(one.trades)]), "Out of sample"));
    if (found.heat_map) heat(found.heat_map, found.metric);
    section("In sample", table(["Settings", found.metric, "Return", "Drawdown", "Trades"], tried.map((one) =>
      [spelt(one.settings), [number(one.value), tone(one.value)], share(one.total_return), share(one.max_drawdown), count(one.trades)]), "Trials"));
    section("What it ran with", folded("Settings", data.settings), folded("Result", found));
  }
  function heat(map, metric) {
    const values = map.rows.flat().filter(known), low = Math.min(...values), high = Math.max(...values);
    const tint = (value) => `background: color-mix(in srgb, var(--accent) ${(high > low ? ((value - low) / (high - low)) * 70 : 35).toFixed(0)}%, transparent)`;
    const head = make("tr", {}, make("th", {}, `${map.y} ↓ ${map.x} →`), ...map.x_from.map((from) => make("th", { scope: "col" }, number(from).replace(/\.00$/, ""))));
    const rows = map.rows.map((row, i) => make("tr", {}, make("th", { scope: "row" }, number(map.y_from[i]).replace(/\.00$/, "")),
      ...row.map((value) => (known(value) ? make("td", { style: tint(value) }, number(value)) : make("td", {}, "·"))))).reverse();
    section(`Mean ${metric}: a plateau can be trusted, a peak cannot`, make("div", { class: "scroll" }, make("table", { class: "heat" }, make("thead", {}, head), make("tbody", {}, ...rows))));
  }

  // ---- Themes and sizes -----------------------------------------------------------------------
  function draw(one, anew) {
    if (!one.drawn) one.drawn = echarts.init(one.box, null, { renderer: "canvas" });
    one.drawn.setOption(one.option(), { notMerge: anew });
  }
  function theme(name) {
    root.dataset.theme = name;
    for (const one of charts) draw(one, true);
  }
  page.replaceChildren();
  ({ backtest, search })[data.kind]();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", (event) => theme(event.matches ? "dark" : "light"));
  window.addEventListener("resize", () => { for (const one of charts) if (one.drawn) one.drawn.resize(); });
})();
