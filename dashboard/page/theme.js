// Light or dark as the system is, unless somebody chose. Runs before the first paint, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const kept = localStorage.getItem('fieldbid-theme');
  if (kept === 'light' || kept === 'dark') root.dataset.theme = kept;
})();
